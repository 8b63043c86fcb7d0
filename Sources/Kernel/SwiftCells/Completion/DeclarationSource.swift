internal import SwiftParser
internal import SwiftSyntax

/// The declaration of a name in a source text.
struct DeclarationSource {
    /// As it was written, without its comment.
    let text: String
    /// The line of its name, from 1.
    let line: Int

    /// The declaration of `name` (`zeros(_:dtype:)` or `zeros`) on `line` (from 1), or the first one where the line is
    /// not known; `nil` where there is none.
    init?(of name: String, line: Int?, in code: String) {
        let tree = Parser.parse(source: code)
        let finder = Finder(
            name: String(name.prefix { $0 != "(" }), line: line,
            converter: SourceLocationConverter(fileName: "", tree: tree))
        finder.walk(tree)
        guard let found = finder.found else { return nil }
        text = found.declaration.trimmedDescription
        self.line = found.line
    }

    private final class Finder: SyntaxAnyVisitor {
        let name: String
        let line: Int?
        let converter: SourceLocationConverter
        var found: (declaration: DeclSyntax, line: Int)?

        init(name: String, line: Int?, converter: SourceLocationConverter) {
            self.name = name
            self.line = line
            self.converter = converter
            super.init(viewMode: .sourceAccurate)
        }

        override func visitAny(_ node: Syntax) -> SyntaxVisitorContinueKind {
            guard found == nil else { return .skipChildren }
            guard let declaration = node.as(DeclSyntax.self) else { return .visitChildren }
            for token in declaration.nameTokens where token.text.withoutBackticks == name {
                let line = converter.location(for: token.positionAfterSkippingLeadingTrivia).line
                if self.line == nil || self.line == line { found = (declaration, line) }
            }
            return .visitChildren
        }
    }
}

extension DeclSyntax {
    fileprivate var nameTokens: [TokenSyntax] {
        switch self.as(DeclSyntaxEnum.self) {
        case .functionDecl(let node): [node.name]
        case .structDecl(let node): [node.name]
        case .classDecl(let node): [node.name]
        case .actorDecl(let node): [node.name]
        case .enumDecl(let node): [node.name]
        case .protocolDecl(let node): [node.name]
        case .typeAliasDecl(let node): [node.name]
        case .macroDecl(let node): [node.name]
        case .initializerDecl(let node): [node.initKeyword]
        case .subscriptDecl(let node): [node.subscriptKeyword]
        case .enumCaseDecl(let node): node.elements.map(\.name)
        case .variableDecl(let node): node.bindings.flatMap { $0.pattern.nameTokens }
        default: []
        }
    }
}

extension PatternSyntax {
    fileprivate var nameTokens: [TokenSyntax] {
        if let pattern = self.as(IdentifierPatternSyntax.self) { return [pattern.identifier] }
        return self.as(TuplePatternSyntax.self)?.elements.flatMap { $0.pattern.nameTokens } ?? []
    }
}
