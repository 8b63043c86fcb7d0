import JupyterKernel

/// A cell as an editor shows it, with the command to the kernel that its first line may begin with.
struct MagicText {
    /// The cell with the command blanked out, as Swift: every position is the cell's own.
    let swift: String
    /// The command's name as far as it is typed (`%ti`), if the cursor is at its end or within it.
    private(set) var name: Substring?
    /// The Unicode scalars that the name takes, the `%` included.
    private(set) var range = 0..<0
    /// Whether the cursor stands in what another program is told: `!ls`.
    private(set) var isShell = false

    /// - Parameter cursor: in Unicode scalars.
    init(_ code: String, cursor: Int) {
        let scalars = Array(code.unicodeScalars)
        let start = scalars.firstIndex { !$0.properties.isWhitespace } ?? scalars.count
        guard start < scalars.count, ["%", "!", "?"].contains(scalars[start]) else {
            swift = code
            return
        }
        let lineEnd = scalars[start...].firstIndex(of: "\n") ?? scalars.count
        let nameEnd = scalars[start..<lineEnd].firstIndex { $0.properties.isWhitespace } ?? lineEnd
        let end: Int
        switch scalars[start] {
        case "%":
            end = nameEnd
            if start < cursor, cursor <= nameEnd {
                var typed = String.UnicodeScalarView()
                typed.append(contentsOf: scalars[start..<nameEnd])
                name = Substring(String(typed))
                range = start..<nameEnd
            }
        case "!":
            end = lineEnd
            isShell = start < cursor && cursor <= lineEnd
        default: end = start + 1
        }
        var blanked = String.UnicodeScalarView()
        for (position, scalar) in scalars.enumerated() {
            blanked.append(position >= start && position < end ? " " : scalar)
        }
        swift = String(blanked)
    }

    /// What completes the name up to the cursor.
    func completions(cursor: Int) -> Completions? {
        guard let name else { return isShell ? Completions(matches: [], range: cursor..<cursor) : nil }
        var typed = String.UnicodeScalarView()
        typed.append(contentsOf: name.unicodeScalars.prefix(cursor - range.lowerBound))
        let matches = Magic.help.map { (name: $0.usage.prefix { $0 != " " }, purpose: $0.purpose) }
            .filter { $0.name.hasPrefix("%") && $0.name.hasPrefix(String(typed)) }
            .map { Completions.Match(text: String($0.name), kind: "magic", signature: $0.purpose) }
        return Completions(matches: matches, range: range.lowerBound..<cursor)
    }

    /// The line of help for the name.
    var help: String? {
        guard let name else { return nil }
        return Magic.help.first { $0.usage.prefix { $0 != " " } == name }.map { "\($0.usage): \($0.purpose)" }
    }
}
