import CellRuntime

/// What the compiler had to say about a cell, at the positions of the user's text.
struct Diagnostic: Hashable {
    enum Severity: String { case error, warning, note }
    var severity: Severity
    var message: String
    /// From 1; `nil` where it is not about the cell's own text.
    var line: Int?
    /// In UTF-8, from 1.
    var column: Int?

    /// What is shown. Errors are, and warnings of what hardly is what was meant: a result that nobody uses, code that
    /// never runs, a comparison that always holds. Not shown is what is right in a notebook, where the next cell may
    /// change a variable or use a constant; what is about the text that the kernel adds; and what would be an error in
    /// Swift 6 mode, in which cells are not compiled.
    fileprivate var helpsInNotebook: Bool {
        if severity == .error { return true }
        if line == nil { return false }
        let noise = [
            "was never mutated", "was never used", "never read", "nonisolated(unsafe)", "@retroactive",
            "declares a conformance of imported type", "Swift 6 language mode", "Sendable", "_guarded_",
        ]
        return !noise.contains { message.contains($0) }
    }
}

extension [Diagnostic] {
    /// Reads what `swift-frontend -diagnostic-style llvm` prints: `In[5]:2:7: error: cannot find 'x' in scope`, each
    /// followed by the source line, which is shown from the user's own text instead.
    init(compilerOutput: String, source: CellSource, label: String) {
        self = []
        for text in compilerOutput.split(separator: "\n") {
            guard let found = text.wholeMatch(of: #/(.+?):(\d+):(\d+): (error|warning|note): (.*)/#) else {
                if let found = text.wholeMatch(of: #/(?:<unknown>:0: )?(error|warning): (.*)/#) {
                    append(
                        Diagnostic(
                            severity: .init(rawValue: String(found.1))!, message: String(found.2).withoutCellNames))
                }
                continue
            }
            var diagnostic = Diagnostic(
                severity: .init(rawValue: String(found.4))!, message: String(found.5).withoutCellNames)
            if found.1 == label, let line = Int(found.2), let column = Int(found.3) {
                (diagnostic.line, diagnostic.column) = source.place(line: line, column: column)
            } else if found.1.hasSuffix("/" + source.fileName), let line = Int(found.2), source.isBehindEnd(line) {
                // What is missing at the end has the name of the file.
                (diagnostic.line, diagnostic.column) = source.end
            }
            // A note about what the kernel has put in tells the user nothing.
            if !contains(diagnostic), !diagnostic.message.contains("_cell") { append(diagnostic) }
        }
    }

    /// Explains messages in which two cells' types of the same name meet: to the reader both are called alike.
    ///
    /// - Parameters:
    ///   - older: types that were made anew, and that a value in the cell may still have the older one of.
    ///   - labels: what the user calls a cell, by its module's number.
    mutating func explainOlderTypes(
        compilerOutput: String, older: [(name: String, older: Int, newest: Int)], labels: [Int: String]
    ) {
        func explain(_ name: some StringProtocol, _ cells: [Int]) {
            let places = cells.sorted().map { labels[$0] ?? "a cell" }
            let note = Diagnostic(
                severity: .note,
                message: "there are two types called \(name): of \(places[0]) and, newer, of \(places[1]). "
                    + "Run the cell again that made the older value")
            if !contains(note) { append(note) }
        }
        for line in compilerOutput.split(separator: "\n") where line.contains(": error: ") {
            var cellsByName: [Substring: [Int]] = [:]
            for found in line.matches(of: #/\bCell(\d+)\.(\w+)/#) {
                let cell = Int(found.1)!
                if cellsByName[found.2]?.contains(cell) != true { cellsByName[found.2, default: []].append(cell) }
            }
            for (name, cells) in cellsByName where cells.count > 1 { explain(name, cells) }
            // "value of type 'P' has no member 'y'": the compiler sees one of them only.
            for type in older where cellsByName[type.name[...]] == nil && line.contains("'\(type.name)'") {
                explain(type.name, [type.older, type.newest])
            }
        }
    }

    /// Those that are shown for a cell's text, each with its notes. A warning at a place behind the end of its line is about
    /// what the kernel adds there: after a `fatalError` at the end of a cell that "will never be executed".
    func helpful(in code: String) -> [Diagnostic] {
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        var isShown = true
        return filter { diagnostic in
            if diagnostic.severity == .note { return isShown }
            isShown = diagnostic.helpsInNotebook
            if diagnostic.severity == .warning, let line = diagnostic.line, let column = diagnostic.column {
                isShown = isShown && lines.indices.contains(line - 1) && column <= lines[line - 1].utf8.count
            }
            return isShown
        }
    }

    var hasErrors: Bool { contains { $0.severity == .error } }

    /// The lines to show, with ANSI colours: each message with the cell's line and a caret under the place.
    func rendered(code: String, label: String) -> [String] {
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        var rendered: [String] = []
        for diagnostic in self {
            let place = diagnostic.line.map { "\(label), line \($0): " } ?? ""
            let colour =
                switch diagnostic.severity {
                case .error: ANSI.red
                case .warning: ANSI.yellow
                case .note: ANSI.blue
                }
            rendered.append(
                "\(ANSI.dim)\(place)\(ANSI.reset)\(colour)\(diagnostic.severity.rawValue):\(ANSI.reset) \(ANSI.bold)\(diagnostic.message)\(ANSI.reset)"
            )
            if let line = diagnostic.line, let column = diagnostic.column, lines.indices.contains(line - 1) {
                let number = String(line)
                let before = String(decoding: lines[line - 1].utf8.prefix(Swift.max(column - 1, 0)), as: UTF8.self)
                let gap = before.map { $0 == "\t" ? "\t" : " " }.joined()
                rendered.append("\(ANSI.dim)\(number) |\(ANSI.reset) \(lines[line - 1])")
                rendered.append(
                    "\(ANSI.dim)\(String(repeating: " ", count: number.count)) |\(ANSI.reset) \(gap)\(colour)^\(ANSI.reset)"
                )
            }
        }
        return rendered
    }
}

/// The escape sequences of terminals, which notebooks understand too.
enum ANSI {
    static let red = "\u{1b}[31m"
    static let yellow = "\u{1b}[33m"
    static let blue = "\u{1b}[34m"
    static let bold = "\u{1b}[1m"
    static let dim = "\u{1b}[2m"
    static let reset = "\u{1b}[0m"
}
