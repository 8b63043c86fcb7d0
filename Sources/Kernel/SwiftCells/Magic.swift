/// A command to the kernel, on a cell's first line: `%time`, `%who`, `!ls`, `?print`.
struct Magic {
    enum Kind: String, CaseIterable {
        case time, timeit, optimize, who, reset, history, package, magics, shell, inspect
    }
    var kind: Kind
    /// What stands behind the name on the first line.
    var argument: String
    /// In which column of the first line (characters, from 0) that begins.
    private var column = 0
    /// The rest of the cell.
    var body: String

    /// One line of help for each.
    static let help: [(usage: String, purpose: String)] = [
        ("%time CODE", "runs the code or the rest of the cell, and tells how long it took"),
        ("%timeit CODE", "runs it many times, optimised, and tells mean and deviation of a run"),
        ("%optimize [on|off]", "compiles the rest of the cell with -O; alone: every cell from here on, until off"),
        ("%who", "the variables: name, type, value, size and cell"),
        ("%history [COUNT]", "what was run in this session"),
        ("%reset", "forgets every name and import of earlier cells"),
        ("%package ADDRESS VERSION [PRODUCT …]", "builds a Swift package once, so that cells can import it"),
        ("!COMMAND", "runs a command in the shell"),
        ("?NAME", "the documentation of a name"),
        ("%magics", "this list"),
    ]

    /// - Returns: `nil` where the cell begins with Swift.
    /// - Throws: `UnknownMagic`.
    init?(_ code: String) throws(UnknownMagic) {
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first?.drop(while: \.isWhitespace), let mark = first.first else { return nil }
        body = lines.dropFirst().joined(separator: "\n")
        var rest = first.dropFirst()
        while rest.last?.isWhitespace == true { rest.removeLast() }
        switch mark {
        case "!":
            kind = .shell
            argument = String(rest)
        case "?":
            kind = .inspect
            argument = String(rest)
        case "%":
            let name = rest.prefix { !$0.isWhitespace }
            guard let kind = Kind(rawValue: String(name)), kind != .shell, kind != .inspect else {
                throw UnknownMagic(name: String(name))
            }
            self.kind = kind
            let argument = rest[name.endIndex...].drop(while: \.isWhitespace)
            self.argument = String(argument)
            column = lines[0].distance(from: lines[0].startIndex, to: argument.startIndex)
        default:
            // `name?`, which is no Swift: `?` follows an expression only before a member.
            guard first.hasSuffix("?"), lines.count == 1,
                first.dropLast().allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." })
            else { return nil }
            kind = .inspect
            argument = String(first.dropLast())
        }
    }

    /// Whether it is about Swift code, and not a command by itself.
    var runsCode: Bool { [.time, .timeit, .optimize].contains(kind) }

    /// The code to run: what stands behind the name, or else the rest of the cell.
    ///
    /// Lines and columns are the cell's own, so that errors point at what the user sees.
    var code: String { String(repeating: " ", count: column) + argument + "\n" + body }
}

/// Thrown for a `%name` that is none of the kernel's.
struct UnknownMagic: Error, CustomStringConvertible {
    let name: String

    var description: String {
        let known = Magic.Kind.allCases.map(\.rawValue).filter { $0 != "shell" && $0 != "inspect" }
        let nearest = known.min { distance($0, name) < distance($1, name) }!
        return distance(nearest, name) <= max(1, name.count / 2)
            ? "%\(name) is no command of this kernel; the nearest is %\(nearest). %magics lists them all."
            : "%\(name) is no command of this kernel. %magics lists them all."
    }

    /// Levenshtein's: how many letters have to be put in, taken out or changed.
    private func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second)
        var row = Array(0...second.count)
        for (i, a) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in second.enumerated() {
                let changed = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(row[j] + 1, row[j + 1] + 1, changed)
            }
        }
        return row[second.count]
    }
}
