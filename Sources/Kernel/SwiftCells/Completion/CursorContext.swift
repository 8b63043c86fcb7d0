/// What stands around a cursor, in the units of both sides: Jupyter counts Unicode scalars, the code service bytes of
/// UTF-8.
struct CursorContext {
    let code: String
    /// In UTF-8.
    let cursor: Int
    /// Where the identifier begins whose end the cursor is at; the cursor itself where there is none. In UTF-8.
    let start: Int
    /// What of the identifier has been typed.
    let prefix: String
    /// Whether a member is named: there is a `.` before the identifier.
    let isMember: Bool

    /// - Parameter cursor: in Unicode scalars from the start of `code`; beyond its end means at its end.
    init(_ code: String, cursor: Int) {
        self.code = code
        let scalars = code.unicodeScalars
        let end = scalars.index(scalars.startIndex, offsetBy: max(cursor, 0), limitedBy: scalars.endIndex)
        let cursor = end ?? scalars.endIndex
        var start = cursor
        while start > scalars.startIndex, Self.isPartOfIdentifier(scalars[scalars.index(before: start)]) {
            start = scalars.index(before: start)
        }
        self.cursor = code.utf8.distance(from: code.startIndex, to: cursor)
        self.start = code.utf8.distance(from: code.startIndex, to: start)
        prefix = String(scalars[start..<cursor])
        let before = scalars[..<start].reversed().drop { $0.properties.isWhitespace }
        // `...` and `..<` are operators.
        isMember = before.first == "." && before.dropFirst().first != "."
    }

    /// Whether the prefix is a number, which nothing completes.
    var isNumber: Bool { prefix.unicodeScalars.first.map { ("0"..."9").contains($0) } ?? false }

    /// The number of Unicode scalars before a position in UTF-8.
    func scalarOffset(ofUTF8 offset: Int) -> Int {
        let utf8 = code.utf8
        return code.unicodeScalars.distance(
            from: code.startIndex,
            to: utf8.index(utf8.startIndex, offsetBy: offset, limitedBy: utf8.endIndex) ?? utf8.endIndex)
    }

    /// What replaces the prefix, and `bytesToErase` before it.
    func replacedRange(bytesToErase: Int) -> Range<Int> {
        scalarOffset(ofUTF8: start - bytesToErase)..<scalarOffset(ofUTF8: cursor)
    }

    static func isPartOfIdentifier(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "$": return true
        case "\0"..."\u{7f}": return false
        default:
            // Emoji and what joins them are letters in Swift; mathematical and other signs are operators.
            let properties = scalar.properties
            return properties.isXIDContinue || properties.isEmojiPresentation || properties.isEmojiModifier
                || scalar == "\u{200d}" || scalar == "\u{fe0f}"
        }
    }
}
