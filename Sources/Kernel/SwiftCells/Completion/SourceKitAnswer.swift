internal import FoundationEssentials

/// What the code service answers to a completion, as far as it is used here.
struct CompletionAnswer: Decodable {
    var results: [Item] = []

    struct Item: Decodable {
        /// `source.lang.swift.decl.function.free`, …
        var kind: String
        /// `append(contentsOf:)`.
        var name: String
        /// What an editor with placeholders would insert: `append(contentsOf: <#T##Sequence#>)`.
        var sourceText: String
        /// `append(contentsOf newElements: Sequence)`.
        var description: String
        var typeName: String?
        /// How near the declaration is: `source.codecompletion.context.thisclass`, …
        var context: String?
        /// The module that declares it.
        var module: String?
        /// Whether that is part of the toolchain.
        var isSystem: Int?
        /// The first paragraph of its documentation.
        var brief: String?
        var isNotRecommended: Int?
        /// How much before the identifier is replaced too: the `.` of `name.count` becomes `?.`.
        var bytesToErase: Int?

        enum CodingKeys: String, CodingKey {
            case kind = "key.kind"
            case name = "key.name"
            case sourceText = "key.sourcetext"
            case description = "key.description"
            case typeName = "key.typename"
            case context = "key.context"
            case module = "key.modulename"
            case isSystem = "key.is_system"
            case brief = "key.doc.brief"
            case isNotRecommended = "key.not_recommended"
            case bytesToErase = "key.num_bytes_to_erase"
        }
    }

    enum CodingKeys: String, CodingKey { case results = "key.results" }
}

/// What the code service knows of the thing at a position.
struct CursorAnswer: Decodable {
    /// Missing where it knows nothing.
    var kind: String?
    /// `zeros(_:dtype:)`.
    var name: String?
    var module: String?
    /// The declaration with every part in a tag.
    var annotatedDeclaration: String?
    /// Markdown, without the `///`.
    var documentation: String?
    /// Where it is declared.
    var file: String?
    /// From 1.
    var line: Int?
    /// Other declarations of the name.
    var related: [Related]?
    /// For a type that is called: its initialiser.
    var secondary: [CursorAnswer]?

    struct Related: Decodable {
        var annotatedDeclaration: String
        enum CodingKeys: String, CodingKey { case annotatedDeclaration = "key.annotated_decl" }
    }

    enum CodingKeys: String, CodingKey {
        case kind = "key.kind"
        case name = "key.name"
        case module = "key.modulename"
        case annotatedDeclaration = "key.annotated_decl"
        case documentation = "key.doc_comment"
        case file = "key.filepath"
        case line = "key.line"
        case related = "key.related_decls"
        case secondary = "key.secondary_symbols"
    }
}

extension Decodable {
    /// `nil` where the answer is none of this kind: empty, null, or an error.
    init?(answer: [UInt8]?) {
        guard let answer, let value = try? JSONDecoder().decode(Self.self, from: Data(answer)) else { return nil }
        self = value
    }
}
