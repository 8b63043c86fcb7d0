internal import SwiftSyntax

/// Code as the code service gets it: behind the imports that make earlier cells' names visible, like a cell that is
/// compiled, but with nothing wrapped and no other line numbers.
struct ProbeText {
    let text: String
    /// How many lines stand before the user's first.
    let headLines: Int
    private let headBytes: Int
    /// Insertions into the user's text.
    private let edits: [Edit]

    /// - Parameters:
    ///   - references: names that are to be visible beside those in the code.
    ///   - place: where something is asked about (UTF-8): that name is left as it stands.
    init(_ code: String, names: NameTable, references: Set<String>, askingAt place: Int) {
        let syntax = CellSyntax(code)
        // The service completes nothing at the start of a line after an import.
        let lines =
            ["import CellRuntime"] + names.imports
            + names.importLines(for: syntax.references.union(references), in: syntax.definitions)
            + ["_ = 0"]
        headLines = lines.reduce(0) { $0 + 1 + $1.utf8.count { $0 == UInt8(ascii: "\n") } }
        let head = lines.map { $0 + "\n" }.joined()
        headBytes = head.utf8.count
        edits = OlderNames.edits(in: syntax, names: names).filter { $0.offset != place }
            .sorted { $0.offset < $1.offset }
        var body: [UInt8] = []
        var next = 0
        let original = Array(code.utf8)
        for edit in edits {
            body += original[next..<edit.offset]
            body += edit.text.utf8
            next = edit.offset
        }
        body += original[next...]
        text = head + String(decoding: body, as: UTF8.self) + "\n"
    }

    /// Where a position of the user's code lies in `text`; both in UTF-8.
    func offset(of offset: Int) -> Int {
        headBytes + offset + edits.reduce(0) { $0 + ($1.offset <= offset ? $1.text.utf8.count : 0) }
    }
}
