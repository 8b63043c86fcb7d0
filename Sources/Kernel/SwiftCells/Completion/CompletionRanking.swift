import JupyterKernel

/// What the code service proposes, in the order and the form in which a notebook shows it.
///
/// A match is what is inserted: a name without its parentheses, because a front end closes those that the user types,
/// and because `map` is as often followed by a closure; an argument label with its colon; a member that a protocol or a
/// base class asks for as a declaration, with a body to fill. Functions of one name are one match. The order is the
/// service's, within what is the user's own or fits the place, then libraries such as `Lab`, then the standard library
/// and Foundation, the C library, and keywords.
struct CompletionRanking {
    /// More than a person looks through.
    static let limit = 200

    let matches: [Completions.Match]
    /// How many bytes before the prefix every match replaces.
    let bytesToErase: Int

    init(_ items: [CompletionAnswer.Item], context: CursorContext) {
        let shown = items.filter { $0.isShown(context) }
        bytesToErase = shown.contains { ($0.bytesToErase ?? 0) > 0 } && context.start > 0 ? 1 : 0
        let erased = bytesToErase == 0 ? "" : "."
        let isFuzzy = !shown.contains { $0.matched.hasPrefix(context.prefix, ignoringCase: true) }
        var ranked: [(rank: Int, match: Completions.Match)] = []
        var positions: [String: Int] = [:]
        var overloads: [Int: Int] = [:]
        for item in shown {
            let inserted = item.inserted
            guard isFuzzy || item.matched.hasPrefix(context.prefix, ignoringCase: true) else { continue }
            let text = (item.bytesToErase ?? 0) > 0 ? inserted : erased + inserted
            if let position = positions[text] {
                overloads[position]? += item.isCallable ? 1 : 0
                ranked[position].rank = min(ranked[position].rank, item.rank(context))
                continue
            }
            positions[text] = ranked.count
            if item.isCallable { overloads[ranked.count] = 1 }
            ranked.append(
                (
                    item.rank(context),
                    Completions.Match(text: text, kind: item.shortKind, signature: item.signature)
                ))
        }
        for (position, count) in overloads where count > 1 {
            ranked[position].match.signature? += ", and \(count - 1) more"
        }
        // Stable: sorted by rank, then by the service's order.
        matches = ranked.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
            .prefix(Self.limit).map(\.element.match)
    }
}

extension CompletionAnswer.Item {
    /// `append`, `?.count`, `contentsOf: `, `let`; and what is required of a type, as a declaration.
    var inserted: String {
        if isRequirement { return sourceText.replacing("<#code#>", with: "    ") }
        let text = sourceText.prefix { $0 != "(" && $0 != "{" }.ranges(of: "<#").first.map { range in
            sourceText[..<range.lowerBound]
        }
        var inserted = String(text ?? sourceText.prefix { $0 != "(" && $0 != "{" })
        if !inserted.hasSuffix(": ") { inserted = String(inserted.prefix { $0 != " " }) }
        return inserted
    }

    /// What of it the user types first.
    fileprivate var matched: String { isRequirement ? name : inserted.withoutOptionalChaining }

    /// Whether it is a member that a protocol or a base class asks for, in the place where it is to be declared.
    private var isRequirement: Bool {
        sourceText.contains("<#code#>") || kind.hasSuffix(".var.instance") && sourceText.hasPrefix("var ")
    }

    private var isKeyword: Bool { kind.hasSuffix(".keyword") || kind.contains(".literal.") }

    fileprivate var isCallable: Bool { kind.contains(".function.") || kind.hasSuffix(".macro") }

    fileprivate func isShown(_ context: CursorContext) -> Bool {
        // The cells' own machinery, and the C libraries behind the modules that cells import.
        if module == "CellRuntime" || ModulePaths.cModules.contains(module ?? "") { return false }
        if context.isMember, isKeyword || kind.hasSuffix(".operator.infix") { return false }
        let name = inserted.withoutOptionalChaining
        guard let first = name.unicodeScalars.first(where: { $0 != "`" && $0 != "#" }) else { return false }
        if !CursorContext.isPartOfIdentifier(first) { return false }
        // A label, or the part of a tuple; `name.`, `name(` are patterns too.
        return !kind.hasSuffix(".pattern") || name.hasSuffix(": ")
            || context.isMember && name.unicodeScalars.allSatisfy(CursorContext.isPartOfIdentifier)
    }

    fileprivate func rank(_ context: CursorContext) -> Int {
        var rank: Int
        if isKeyword {
            rank = 8
        } else if context.isMember {
            rank = 0
        } else if let module, !module.isCellModule, nearness == "othermodule" || nearness == "none" {
            switch module {
            case "SwiftGlibc", "Glibc", "_SwiftConcurrencyShims": rank = 6
            default: rank = isSystem == 1 ? 4 : 2
            }
        } else {
            rank = kind.hasSuffix(".module") ? 6 : 0
        }
        // `Tensor.show` as a function that takes the tensor is seldom meant.
        if isNotRecommended == 1 || description.contains("(_ self: ") { rank += 1 }
        // Of `print` and `PrefixSequence`, `pr` means the former; `Te` means `Tensor` before the user's own `test`.
        if matched.hasPrefix(context.prefix) { return 2 * rank }
        return 2 * rank + (context.prefix.contains { $0.isUppercase } ? 5 : 1)
    }

    private var nearness: Substring? { context?.split(separator: ".").last }

    /// The words that front ends have icons for.
    fileprivate var shortKind: String {
        let parts = kind.split(separator: ".")
        if inserted.hasSuffix(": ") { return "param" }
        if parts.contains("function") {
            if parts.contains("method") { return "method" }
            return parts.last == "constructor" ? "constructor" : "function"
        }
        if parts.contains("var") {
            return ["instance", "static", "class"].contains(parts.last) ? "property" : "variable"
        }
        return switch parts.last {
        case "pattern": "property"
        case "actor": "class"
        case "enumelement": "enum member"
        case "typealias", "associatedtype", "generic_type_param": "type"
        case let last? where !isKeyword: String(last)
        default: "keyword"
        }
    }

    /// What a call takes and gives, or the type of a value: `(contentsOf newElements: Sequence) -> Void`.
    fileprivate var signature: String? {
        let type = typeName.flatMap { $0.isEmpty ? nil : $0 }
        guard isCallable || description.contains("(") else {
            return kind.contains(".var.") || kind.hasSuffix(".pattern") || inserted.hasSuffix(": ") ? type : nil
        }
        guard let parenthesis = description.firstIndex(of: "(") else { return type }
        return description[parenthesis...] + (type.map { " -> " + $0 } ?? "")
    }
}

extension String {
    fileprivate var withoutOptionalChaining: String { hasPrefix("?.") ? String(dropFirst(2)) : self }

    fileprivate func hasPrefix(_ prefix: String, ignoringCase: Bool) -> Bool {
        lowercased().hasPrefix(prefix.lowercased())
    }

    /// Whether this names the module of a cell: `Cell7`, and `Cell` for the one being written.
    var isCellModule: Bool { hasPrefix("Cell") && dropFirst(4).allSatisfy(\.isNumber) }
}
