import JupyterKernel
internal import SwiftParser
internal import SwiftSyntax

extension Completeness {
    /// Whether a front end should run `code` on Enter: incomplete while something that was opened is not closed.
    ///
    /// What is said to the kernel or to another program is no Swift, and complete with its line.
    init(of code: String) {
        var code = code
        do {
            if let magic = try Magic(code) {
                guard magic.runsCode else {
                    self = .complete
                    return
                }
                code = magic.code
            }
        } catch {
            // It is run to be refused.
            self = .complete
            return
        }
        let tree = Parser.parse(source: code)
        let checker = EndChecker(viewMode: .all)
        checker.walk(tree)
        if checker.endsInString {
            self = .invalid
        } else if checker.isCut || tree.lacksBody || tree.endsInComment {
            self = .incomplete(indent: String(repeating: " ", count: 4 * max(checker.depth, 0)))
        } else {
            self = checker.isBroken ? .invalid : .complete
        }
    }
}

/// Tells text that ends too early from text that is wrong in its middle, by where the parser missed tokens.
private final class EndChecker: SyntaxVisitor {
    /// Whether something is missing at the very end.
    private(set) var isCut = false
    /// Whether something is missing or unexpected before the end.
    private(set) var isBroken = false
    /// Whether a string lacks its end, which is that of its line: no other line can mend it.
    private(set) var endsInString = false
    /// How many brackets are open at the end.
    private(set) var depth = 0

    override func visit(_ token: TokenSyntax) -> SyntaxVisitorContinueKind {
        if token.presence == .missing {
            if token.tokenKind == .stringQuote {
                endsInString = true
                return .skipChildren
            }
            // `nextToken(.sourceAccurate)` skips other missing ones.
            let next = token.nextToken(viewMode: .sourceAccurate)
            if next == nil || next?.tokenKind == .endOfFile { isCut = true } else { isBroken = true }
            return .skipChildren
        }
        switch token.tokenKind {
        case .leftBrace, .leftParen, .leftSquare: depth += 1
        case .rightBrace, .rightParen, .rightSquare: depth -= 1
        default: break
        }
        return .skipChildren
    }

    override func visit(_ node: UnexpectedNodesSyntax) -> SyntaxVisitorContinueKind {
        isBroken = true
        return .skipChildren
    }
}

extension SourceFileSyntax {
    /// Whether the last statement is a function whose body may follow on the next line.
    fileprivate var lacksBody: Bool {
        guard let function = statements.last?.item.as(FunctionDeclSyntax.self) else { return false }
        return function.body == nil
    }

    /// Whether the text ends within a comment.
    fileprivate var endsInComment: Bool {
        let before = endOfFileToken.previousToken(viewMode: .sourceAccurate)?.trailingTrivia
        return switch endOfFileToken.leadingTrivia.pieces.last ?? before?.pieces.last {
        case .blockComment(let text), .docBlockComment(let text): text.isOpenComment
        default: false
        }
    }
}

extension String {
    /// Whether this block comment, in which others may stand, has no end.
    fileprivate var isOpenComment: Bool {
        var depth = 0
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix("/*") {
                depth += 1
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("*/") {
                depth -= 1
                rest = rest.dropFirst(2)
            } else {
                rest = rest.dropFirst()
            }
        }
        return depth > 0
    }
}
