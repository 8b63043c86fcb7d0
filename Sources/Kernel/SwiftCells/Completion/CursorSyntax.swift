internal import SwiftParser
internal import SwiftSyntax

/// What the parser makes of the place where a cursor stands.
struct CursorSyntax {
    /// A name that can be asked about.
    struct Name: Equatable {
        /// In UTF-8.
        var offset: Int
        var text: String
    }

    /// Whether the cursor stands in a comment or in the text of a string, where no code is completed.
    private(set) var isInText = false
    /// The identifier or operator under the cursor or just before it.
    private(set) var word: Name?
    /// The function of the innermost call whose parentheses the cursor is in.
    private(set) var callee: Name?

    /// - Parameter cursor: in UTF-8.
    init(_ code: String, cursor: Int) {
        var calls: [Name?] = []
        var previous: TokenSyntax?
        for token in Parser.parse(source: code).tokens(viewMode: .sourceAccurate) {
            let start = token.positionAfterSkippingLeadingTrivia.utf8Offset
            let end = token.endPositionBeforeTrailingTrivia.utf8Offset
            isInText =
                isInText || token.leadingTrivia.hasComment(at: cursor, from: token.position.utf8Offset)
                || token.trailingTrivia.hasComment(at: cursor, from: end)
            guard start <= cursor else { break }
            switch token.tokenKind {
            case .stringSegment, .regexLiteralPattern:
                if cursor <= end { isInText = true }
            case .leftParen where end <= cursor:
                let called = previous.flatMap { previous in
                    // `f (x)` is a call too, but a tuple on a new line is none.
                    previous.isName && previous.trailingTrivia.allSatisfy(\.isSpaceOrTab)
                        && token.leadingTrivia.allSatisfy(\.isSpaceOrTab) ? previous.asName : nil
                }
                calls.append(called)
            case .leftSquare where end <= cursor, .leftBrace where end <= cursor: calls.append(nil)
            case .rightParen where end <= cursor, .rightSquare where end <= cursor, .rightBrace where end <= cursor:
                _ = calls.popLast()
            default:
                // Between `a` and `+` in `a+b` the name wins.
                if cursor <= end, token.isName || (token.isOperator && word == nil) { word = token.asName }
            }
            previous = token
        }
        callee = calls.last { $0 != nil } ?? nil
    }
}

extension TokenSyntax {
    fileprivate var isName: Bool {
        switch tokenKind {
        case .identifier, .dollarIdentifier, .keyword(.self), .keyword(.Self), .keyword(.`init`), .keyword(.super): true
        default: false
        }
    }

    fileprivate var isOperator: Bool {
        switch tokenKind {
        case .binaryOperator, .prefixOperator, .postfixOperator: true
        default: false
        }
    }

    fileprivate var asName: CursorSyntax.Name {
        CursorSyntax.Name(offset: positionAfterSkippingLeadingTrivia.utf8Offset, text: text.withoutBackticks)
    }
}

extension Trivia {
    /// - Parameter start: where the trivia begin, in UTF-8.
    fileprivate func hasComment(at cursor: Int, from start: Int) -> Bool {
        var start = start
        for piece in self {
            let end = start + piece.sourceLength.utf8Length
            switch piece {
            // At the end of the line one still types the comment.
            case .lineComment, .docLineComment: if start < cursor && cursor <= end { return true }
            case .blockComment(let text), .docBlockComment(let text):
                if start < cursor && (cursor < end || cursor == end && !text.hasSuffix("*/")) { return true }
            default: break
            }
            start = end
        }
        return false
    }
}
