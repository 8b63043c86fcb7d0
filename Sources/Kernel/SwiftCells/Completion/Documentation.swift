import Display

/// What an inspection shows of one thing: its declaration, its documentation, and where it comes from.
struct Documentation {
    /// As Swift: `static func zeros(_ shape: Shape, dtype: DType = .float32) -> Tensor`.
    var declarations: [String]
    /// Markdown.
    var comment: String = ""
    /// Others of the same name.
    var related: [String] = []
    /// "In[3], line 2", or a module.
    var place: String?
    /// The declaration in full.
    var source: String?

    var bundle: MimeBundle {
        MimeBundle(contents: ["text/plain": .text(plain), "text/markdown": .text(markdown)])
    }

    private var plain: String {
        var parts = [declarations.joined(separator: "\n")]
        if !comment.isEmpty { parts.append(comment) }
        if !related.isEmpty { parts.append("Also:\n" + related.map { "    " + $0 }.joined(separator: "\n")) }
        if let source { parts.append("Source:\n" + source) }
        if let place { parts.append(place) }
        return parts.joined(separator: "\n\n")
    }

    private var markdown: String {
        func code(_ text: String) -> String { "```swift\n\(text)\n```" }
        var parts = [code(declarations.joined(separator: "\n"))]
        if !comment.isEmpty { parts.append(comment) }
        if !related.isEmpty { parts.append("Also:\n\n" + code(related.joined(separator: "\n"))) }
        if let source { parts.append("Source:\n\n" + code(source)) }
        if let place { parts.append("*\(place)*") }
        return parts.joined(separator: "\n\n")
    }
}

extension CursorAnswer {
    /// The declaration as Swift, without tags and without what only the compiler needs to know.
    var declaration: String? { annotatedDeclaration.map { $0.withoutTags.withoutCompilerAttributes } }

    var isType: Bool {
        ["struct", "class", "enum", "actor"].contains(kind?.split(separator: ".").last)
    }

    /// At most a few: `init` of a number type has dozens.
    var relatedDeclarations: [String] {
        (related ?? []).map(\.annotatedDeclaration.withoutTags).prefix(8).map { String($0) }
    }
}

extension [String] {
    var withoutRepetition: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

extension String {
    /// The text of an XML fragment.
    var withoutTags: String {
        var text = ""
        var isInTag = false
        for character in self {
            switch character {
            case "<": isInTag = true
            case ">": isInTag = false
            default: if !isInTag { text.append(character) }
            }
        }
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
            text = text.replacing(entity, with: character)
        }
        return text
    }

    fileprivate var withoutCompilerAttributes: String {
        replacing(
            #/@(?:_\w+|inlinable|usableFromInline|frozen|discardableResult|backDeployed)(?:\([^)]*\))? /#, with: ""
        )
        .replacing("terminator: String = \"\n\"", with: "terminator: String = \"\\n\"")
    }
}
