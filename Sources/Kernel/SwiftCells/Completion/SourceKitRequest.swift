/// A request to the toolchain's code service, in the notation that it reads: YAML in one line.
///
/// Names (`source.request.…`) stand bare, strings in double quotes with everything but printable ASCII escaped.
struct SourceKitRequest {
    let text: String

    private enum Value {
        case string(String)
        case integer(Int)
        case strings([String])
        case options([(String, Int)], filter: String)
    }

    private init(_ kind: String, _ members: [(String, Value)]) {
        var text = "{key.request: source.request.\(kind)"
        for (key, value) in members { text += ", key.\(key): \(Self.written(value))" }
        self.text = text + "}"
    }

    /// Completions at `offset` (UTF-8) of `text`, which must be where the identifier begins; `filter` is what of it has
    /// been typed.
    static func openCompletion(
        of text: String, at offset: Int, filter: String, isFuzzy: Bool, limit: Int, arguments: [String]
    ) -> SourceKitRequest {
        let options = [
            ("annotateddescription", 1), ("fuzzymatching", isFuzzy ? 1 : 0), ("hidelowpriority", 0),
            ("hideunderscores", 1), ("includeobjectliterals", 0), ("requestlimit", limit), ("sort.byname", 0),
            ("sort.useimportdepth", 1),
        ]
        return SourceKitRequest(
            "codecomplete.open",
            [
                ("name", .string(arguments[0])), ("sourcefile", .string(arguments[0])), ("sourcetext", .string(text)),
                ("offset", .integer(offset)), ("compilerargs", .strings(arguments)),
                ("codecomplete.options", .options(options, filter: filter)),
            ])
    }

    static func closeCompletion(at offset: Int, arguments: [String]) -> SourceKitRequest {
        SourceKitRequest("codecomplete.close", [("name", .string(arguments[0])), ("offset", .integer(offset))])
    }

    /// Makes `text` the contents of the file that `cursorInformation` is asked about: that request itself takes no text.
    static func openEditor(_ text: String, arguments: [String]) -> SourceKitRequest {
        SourceKitRequest(
            "editor.open",
            [
                ("name", .string(arguments[0])), ("sourcetext", .string(text)), ("syntactic_only", .integer(1)),
                ("enablesyntaxmap", .integer(0)), ("enablesubstructure", .integer(0)),
                ("enablediagnostics", .integer(0)), ("compilerargs", .strings(arguments)),
            ])
    }

    static func closeEditor(arguments: [String]) -> SourceKitRequest {
        SourceKitRequest("editor.close", [("name", .string(arguments[0]))])
    }

    /// What the identifier or operator at `offset` (UTF-8) means.
    static func cursorInformation(at offset: Int, arguments: [String]) -> SourceKitRequest {
        SourceKitRequest(
            "cursorinfo",
            [
                ("sourcefile", .string(arguments[0])), ("offset", .integer(offset)),
                ("compilerargs", .strings(arguments)),
            ])
    }

    private static func written(_ value: Value) -> String {
        switch value {
        case .string(let string): quoted(string)
        case .integer(let integer): String(integer)
        case .strings(let strings): "[" + strings.map(quoted).joined(separator: ", ") + "]"
        case .options(let options, let filter):
            "{key.codecomplete.filtertext: \(quoted(filter))"
                + options.map { ", key.codecomplete.\($0): \($1)" }.joined() + "}"
        }
    }

    private static func quoted(_ string: String) -> String {
        var quoted = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case " "..."~": quoted.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let length = scalar.value > 0xffff ? 8 : 4
                quoted += (length == 8 ? "\\U" : "\\u") + String(repeating: "0", count: length - digits.count) + digits
            }
        }
        return quoted + "\""
    }
}
