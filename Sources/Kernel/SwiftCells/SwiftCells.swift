internal import SwiftParser
internal import SwiftSyntax
internal import CCells
internal import JupyterKernel
public func declared(_ s: String) -> Int { Parser.parse(source: s).statements.count }
