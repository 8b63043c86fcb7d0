import JupyterKernel
internal import SwiftParser
internal import SwiftSyntax

extension Completeness {
    /// Whether a front end should run `code` on Enter: incomplete while something that was opened is not closed.
    init(of code: String) {
        let tree = Parser.parse(source: code)
        let checker = EndChecker(viewMode: .all)
        checker.walk(tree)
        if checker.isCut {
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
    /// How many brackets are open at the end.
    private(set) var depth = 0

    override func visit(_ token: TokenSyntax) -> SyntaxVisitorContinueKind {
        if token.presence == .missing {
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
