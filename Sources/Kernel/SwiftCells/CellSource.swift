internal import SwiftSyntax

/// A cell's text as it is compiled: what the user typed, line for line, with a head of imports and small insertions.
/// Knows for every position of the compiled text where it lies in the user's.
struct CellSource {
    let text: String
    /// What the file is called that it is compiled from.
    let fileName: String
    /// The modules that the cells before it have imported as a whole, in order.
    let importedModules: [String]
    /// Those that it is the first to import.
    let newModules: [String]
    /// The earlier cells whose modules it is compiled against.
    let importedCells: Set<Int>
    /// Whether the top level is a task, which an interrupt cancels.
    let awaits: Bool
    /// Whether the compiler takes no account of `private` and `public`.
    var ignoresAccess = false

    private let code: String
    private let lineCount: Int
    private let headLineCount: Int
    private let head: String
    private let edits: [Edit]
    /// The insertions, by line of the cell (from 1): at which column of the *compiled* line (UTF-8, from 1) how many
    /// bytes more than the user's begin.
    private let insertions: [Int: [(column: Int, bytes: Int)]]

    /// - Parameters:
    ///   - cell: the number of the module that the cell becomes.
    ///   - label: what diagnostics and traces call the cell: `In[5]`.
    ///   - onMainActor: whether the top level belongs to the main actor although it awaits nothing.
    init(_ syntax: CellSyntax, cell: Int, label: String, names: NameTable, onMainActor: Bool = false) {
        importedCells = names.importedCells(for: syntax.references, in: syntax.definitions)
        awaits = syntax.awaitsAtTopLevel || onMainActor
        importedModules = names.imports.compactMap(Self.wholeModule)
        newModules = syntax.imports.compactMap(Self.wholeModule).filter { [importedModules] in
            !importedModules.contains($0)
        }
        var edits: [Edit] = []
        if awaits, let first = syntax.tree.statements.first {
            let call = onMainActor ? "await _cellTaskOfMainActor" : "_cellTask"
            edits.append(Edit(at: first.positionAfterSkippingLeadingTrivia, insert: "\(call)(\(cell)); "))
        }
        if let expression = syntax.lastExpression {
            edits.append(Edit(at: expression.positionAfterSkippingLeadingTrivia, insert: "_cellResult("))
            edits.append(Edit(at: expression.endPositionBeforeTrailingTrivia, insert: ", \(cell))"))
        }
        for (number, item, _) in syntax.topLevel {
            if let statement = item.as(GuardStmtSyntax.self) {
                edits += Self.edits(for: statement, number: number, cell: cell, names: names)
            }
            guard case .decl(let declaration) = item, let node = declaration.as(VariableDeclSyntax.self) else {
                continue
            }
            // Without it, a script that awaits would bind its variables to the main actor.
            if awaits, !node.hasActor {
                edits.append(
                    Edit(at: node.bindingSpecifier.positionAfterSkippingLeadingTrivia, insert: "nonisolated(unsafe) "))
            }
            edits.append(
                Edit(at: node.endPositionBeforeTrailingTrivia, insert: "; _cellReached(\(number), \(cell))"))
        }
        edits += OlderNames.edits(in: syntax, names: names)

        var head = "import CellRuntime\n"
        for line in names.imports { head += line + "\n" }
        for line in names.importLines(for: syntax.references, in: syntax.definitions) { head += line + "\n" }
        head += "#sourceLocation(file: \"\(label)\", line: 1)\n"

        code = syntax.code
        fileName = "Cell\(cell).swift"
        lineCount = Self.lines(of: code)
        headLineCount = Self.lines(of: head) - 1
        self.head = head
        self.edits = edits
        (text, insertions) = Self.assemble(head, code, edits)
    }

    private static func lines(of text: String) -> Int { text.utf8.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 } }

    /// The module that an import declaration makes visible as a whole, with no attribute.
    private static func wholeModule(_ line: String) -> String? {
        let words = line.split(separator: " ")
        guard words.count == 2, words[0] == "import", words[1].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
        else { return nil }
        return String(words[1])
    }

    /// What is compiled in this one's place once later cells have defined some of its names anew.
    ///
    /// - Parameters: see `CellSyntax.hiding`.
    func text(hiding keys: [String: String], by attribute: (_ isCallable: Bool) -> String) -> String {
        Self.assemble(head, code, edits + CellSyntax(code).hiding(keys, by: attribute)).text
    }

    private static func assemble(
        _ head: String, _ code: String, _ edits: [Edit]
    ) -> (text: String, insertions: [Int: [(column: Int, bytes: Int)]]) {
        var insertions: [Int: [(column: Int, bytes: Int)]] = [:]
        var body: [UInt8] = []
        var line = 1
        var lineStart = 0  // in body
        let original = Array(code.utf8)
        var next = 0
        func copy(to end: Int) {
            for byte in original[next..<end] {
                body.append(byte)
                if byte == UInt8(ascii: "\n") {
                    line += 1
                    lineStart = body.count
                }
            }
            next = end
        }
        // Insertions at one place keep the order in which they were made; an opening one comes after a closing one.
        for edit in edits.enumerated().sorted(by: { ($0.element.offset, $0.offset) < ($1.element.offset, $1.offset) })
            .map(\.element)
        {
            copy(to: max(edit.offset, next))
            insertions[line, default: []].append((body.count - lineStart + 1, edit.text.utf8.count - edit.length))
            body += edit.text.utf8
            next += edit.length
        }
        copy(to: original.count)
        return (head + String(decoding: body, as: UTF8.self) + "\n", insertions)
    }

    /// What `guard let` binds at the top level is no global: it gets another name there, and a variable of its own name
    /// behind the statement.
    private static func edits(
        for statement: GuardStmtSyntax, number: Int, cell: Int, names: NameTable
    ) -> [Edit] {
        var edits: [Edit] = []
        var after = ""
        for condition in statement.conditions {
            var bound: [(pattern: IdentifierPatternSyntax, keyword: String)] = []
            if case .optionalBinding(let binding) = condition.condition,
                let pattern = binding.pattern.as(IdentifierPatternSyntax.self)
            {
                bound = [(pattern, binding.bindingSpecifier.text)]
                if binding.initializer == nil {
                    let name = pattern.identifier.text.withoutBackticks
                    let older = names.cell(declaring: name).map { "Cell\($0)." } ?? ""
                    edits.append(Edit(at: pattern.endPositionBeforeTrailingTrivia, insert: " = \(older)\(name)"))
                }
            } else if case .matchingPattern(let matching) = condition.condition {
                bound = matching.boundPatterns
            }
            for (pattern, keyword) in bound {
                let name = pattern.identifier.text.withoutBackticks
                edits.append(Edit(at: pattern.positionAfterSkippingLeadingTrivia, insert: "_guarded_"))
                // Later conditions mean the bound one.
                let later = statement.conditions.drop { $0.id != condition.id }.dropFirst()
                edits += later.flatMap { $0.references(to: name) }.map { Edit(at: $0, insert: "_guarded_") }
                after += "; \(keyword) \(pattern.identifier.text) = _guarded_\(name)"
            }
        }
        if !after.isEmpty {
            edits.append(
                Edit(
                    at: statement.endPositionBeforeTrailingTrivia, insert: after + "; _cellReached(\(number), \(cell))")
            )
        }
        return edits
    }

    /// Where the user's text ends: the line, and the column behind its last character (UTF-8, from 1).
    var end: (line: Int?, column: Int?) {
        var lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        while lines.count > 1, lines.last!.allSatisfy(\.isWhitespace) { lines.removeLast() }
        return (lines.count, (lines.last?.utf8.count ?? 0) + 1)
    }

    /// Whether a line of what was compiled lies behind the user's text, where there may be thousands of empty ones.
    func isBehindEnd(_ line: Int) -> Bool { line > headLineCount + lineCount }

    /// The place in the user's text (UTF-8, from 1) for one in the compiled text, counted from the user's first line.
    func place(line: Int, column: Int) -> (line: Int?, column: Int?) {
        if line > lineCount { return end }
        var shift = 0
        for insertion in insertions[line] ?? [] where insertion.column < column {
            shift += min(insertion.bytes, column - insertion.column)
        }
        return (line, column - shift)
    }
}

extension VariableDeclSyntax {
    /// Whether an attribute says which actor it belongs to.
    fileprivate var hasActor: Bool {
        attributes.contains { $0.as(AttributeSyntax.self)?.attributeName.trimmedDescription != "available" }
    }
}

extension SyntaxProtocol {
    /// Where `name` stands for a variable.
    fileprivate func references(to name: String) -> [AbsolutePosition] {
        tokens(viewMode: .sourceAccurate).filter {
            $0.tokenKind == .identifier(name) && $0.parent?.is(DeclReferenceExprSyntax.self) == true
                && $0.parent?.parent?.as(MemberAccessExprSyntax.self)?.declName.id != $0.parent?.id
        }.map(\.positionAfterSkippingLeadingTrivia)
    }
}

/// A small change of the user's text: an insertion, or what takes the place of `length` bytes.
struct Edit {
    let offset: Int
    let length: Int
    let text: String
    init(at position: AbsolutePosition, insert text: String) {
        offset = position.utf8Offset
        length = 0
        self.text = text
    }

    /// - Precondition: the node stands on one line, or `text` has as many lines.
    init(replacing node: some SyntaxProtocol, with text: String) {
        offset = node.positionAfterSkippingLeadingTrivia.utf8Offset
        length = node.endPositionBeforeTrailingTrivia.utf8Offset - offset
        self.text = text
    }
}

/// `let v = v + 1`, `let data = data.normalized()`: the right side means the older one, and Swift would call it
/// circular. Names that the cell declares, used before they are declared, are written with the older cell's name.
enum OlderNames {
    static func edits(in syntax: CellSyntax, names: NameTable) -> [Edit] {
        var undeclared: [String: Int] = [:]
        for definition in syntax.definitions {
            guard case .variable = definition.kind, let cell = names.cell(declaring: definition.name) else { continue }
            undeclared[definition.name] = cell
        }
        guard !undeclared.isEmpty else { return [] }
        var edits: [Edit] = []
        for (number, statement) in syntax.tree.statements.enumerated() {
            let finder = ReferenceFinder(names: undeclared)
            finder.walk(statement)
            // What the statement itself binds within (closure parameters, locals) is not the older one.
            edits += finder.found.filter { !finder.bound.contains($0.name) }.map {
                Edit(at: $0.position, insert: "Cell\(undeclared[$0.name]!).")
            }
            for definition in syntax.definitions where definition.statement == number {
                undeclared[definition.name] = nil
            }
        }
        return edits
    }

    private final class ReferenceFinder: SyntaxVisitor {
        let names: [String: Int]
        var found: [(name: String, position: AbsolutePosition)] = []
        var bound: Set<String> = []
        private var depth = 0

        init(names: [String: Int]) {
            self.names = names
            super.init(viewMode: .sourceAccurate)
        }

        override func visit(_ node: DeclReferenceExprSyntax) -> SyntaxVisitorContinueKind {
            let name = node.baseName.text.withoutBackticks
            guard names[name] != nil else { return .skipChildren }
            if let member = node.parent?.as(MemberAccessExprSyntax.self), member.declName.id == node.id {
                return .skipChildren
            }
            if node.parent?.is(KeyPathPropertyComponentSyntax.self) == true { return .skipChildren }
            found.append((name, node.positionAfterSkippingLeadingTrivia))
            return .skipChildren
        }

        // A function's body runs after the cell's own declaration, and means that.
        override func visit(_ node: FunctionDeclSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
        override func visit(_ node: MemberBlockSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
        override func visit(_ node: ClosureExprSyntax) -> SyntaxVisitorContinueKind {
            depth += 1
            return .visitChildren
        }
        override func visitPost(_ node: ClosureExprSyntax) { depth -= 1 }
        override func visit(_ node: CodeBlockSyntax) -> SyntaxVisitorContinueKind {
            depth += 1
            return .visitChildren
        }
        override func visitPost(_ node: CodeBlockSyntax) { depth -= 1 }
        override func visit(_ node: ClosureParameterSyntax) -> SyntaxVisitorContinueKind {
            bound.insert((node.secondName ?? node.firstName).text.withoutBackticks)
            return .visitChildren
        }
        override func visit(_ node: ClosureShorthandParameterSyntax) -> SyntaxVisitorContinueKind {
            bound.insert(node.name.text.withoutBackticks)
            return .visitChildren
        }
        override func visit(_ node: IdentifierPatternSyntax) -> SyntaxVisitorContinueKind {
            let isTopLevelBinding = depth == 0 && node.parent?.is(PatternBindingSyntax.self) == true
            if !isTopLevelBinding, !isInTopLevelTuple(node) { bound.insert(node.identifier.text.withoutBackticks) }
            return .visitChildren
        }

        private func isInTopLevelTuple(_ node: IdentifierPatternSyntax) -> Bool {
            depth == 0 && node.parent?.is(TuplePatternElementSyntax.self) == true
        }
    }
}
