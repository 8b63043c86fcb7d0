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

    /// One line of help for each, and an example.
    static let help: [(usage: String, purpose: String, example: String)] = [
        ("%time CODE", "runs the code or the rest of the cell, and tells how long it took", "%time numbers.sorted()"),
        (
            "%timeit CODE",
            "runs the code or the rest of the cell many times, optimised, and tells mean and deviation of a run",
            "%timeit numbers.reduce(0, +)"
        ),
        (
            "%optimize [on|off]",
            "compiles the rest of the cell with -O; alone or with on: every cell from here on, until off",
            "%optimize\nfor _ in 0..<1_000_000 { step() }"
        ),
        ("%who", "the variables: name, type, value, size and cell", "%who"),
        ("%history [COUNT]", "what was run in this session, or the last of it", "%history 3"),
        ("%reset", "forgets every name and import of earlier cells", "%reset"),
        (
            "%package ADDRESS VERSION [PRODUCT …]", "builds a Swift package once, so that cells can import it",
            "%package https://github.com/apple/swift-collections 1.6.0"
        ),
        ("!COMMAND", "runs a command in the shell", "!ls notebooks"),
        ("?NAME", "the documentation of a name; NAME? does the same", "?print"),
        ("%magics", "this list", "%magics"),
    ]

    /// The help for a command, by its name with the mark: `%time`.
    static func help(for name: some StringProtocol) -> String? {
        help.first { $0.usage.prefix { $0 == "%" || $0 == "!" || $0 == "?" || $0.isLowercase } == name }
            .map { "\($0.usage)\n    \($0.purpose)\n\nFor example:\n    \($0.example.replacing("\n", with: "\n    "))" }
    }

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
            // `%time?`
            if name.last == "?", name == rest {
                let asked = name.dropLast()
                guard asked.isEmpty || Kind(command: asked) != nil else { throw UnknownMagic(name: String(asked)) }
                kind = asked.isEmpty ? .magics : .inspect
                argument = asked.isEmpty ? "" : "%" + asked
                return
            }
            guard let kind = Kind(command: name) else { throw UnknownMagic(name: String(name)) }
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
    /// Whether it means nothing without code.
    var needsCode: Bool { kind == .time || kind == .timeit }

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
        if name.isEmpty { return "behind % stands the name of a command, without a space. %magics lists them all." }
        let nearest = known.min { $0.editDistance(to: name) < $1.editDistance(to: name) }!
        return nearest.editDistance(to: name) <= max(1, name.count / 2)
            ? "%\(name) is no command of this kernel; the nearest is %\(nearest). %magics lists them all."
            : "%\(name) is no command of this kernel. %magics lists them all."
    }
}

extension Magic.Kind {
    /// The command that is called so behind `%`.
    init?(command name: some StringProtocol) {
        guard let kind = Self(rawValue: String(name)), kind != .shell, kind != .inspect else { return nil }
        self = kind
    }
}
