/// A call that means a certain function before its arguments are written: closures that never return, and placeholders,
/// stand in for them.
struct StandInCall {
    let text: String

    /// - Parameters:
    ///   - sourceText: what an editor with placeholders would insert: `map(<#T##(Int) -> T#>)`.
    ///   - isTyped: whether the placeholders say of what type they are, which tells overloads apart but is wrong for
    ///     generic parameters.
    init(_ sourceText: String, isTyped: Bool) {
        text = sourceText.replacing(#/<#(.*?)#>/#) { match in
            let type = match.1.split(separator: "##").last.map(String.init) ?? ""
            if let count = Self.closureParameters(of: type) {
                if count == 0 { return "{ fatalError() }" }
                return "{ " + Array(repeating: "_", count: count).joined(separator: ", ") + " in fatalError() }"
            }
            return isTyped ? String(match.0) : "<#argument#>"
        }
    }

    /// A function that makes the call with its own parameters, and where in its text (UTF-8) the call begins.
    ///
    /// What an editor would insert names the protocol where a parameter is generic, and only a generic function has a
    /// value for that. Where the type is none of a protocol's, `some` is an error that the service overlooks.
    static func inFunction(_ sourceText: String) -> (text: String, call: Int) {
        var parameters: [String] = []
        let call = sourceText.replacing(#/<#(.*?)#>/#) { match in
            let type = match.1.split(separator: "##").last.map(String.init) ?? ""
            parameters.append("_ argument\(parameters.count): some \(type)")
            return "argument\(parameters.count - 1)"
        }
        let head = "func _standIn(\(parameters.joined(separator: ", "))) throws { _ = try "
        return (head + call + " }\n", head.utf8.count)
    }

    /// How many parameters a closure of that type takes; `nil` where the type is no function's.
    static func closureParameters(of type: String) -> Int? {
        guard type.contains("->"), let open = type.firstIndex(of: "(") else { return nil }
        var depth = 0
        var commas = 0
        var isEmpty = true
        var previous: Character = " "
        for character in type[open...] {
            switch character {
            case "(", "[", "<": depth += 1
            case ")", "]": depth -= 1
            case ">" where previous != "-": depth -= 1
            case "," where depth == 1: commas += 1
            default: break
            }
            if depth == 0 { break }
            if depth > 1 || character != "(" && character != " " { isEmpty = false }
            previous = character
        }
        return isEmpty ? 0 : commas + 1
    }
}
