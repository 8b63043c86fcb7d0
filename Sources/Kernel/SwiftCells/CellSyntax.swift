internal import SwiftParser
internal import SwiftSyntax

/// What a cell's text says before it is compiled: what it imports, declares and refers to, and where its last value is.
struct CellSyntax {
    let code: String
    let tree: SourceFileSyntax
    /// The import declarations, as written.
    private(set) var imports: [String] = []
    private(set) var definitions: [Definition] = []
    /// Every identifier and operator in the cell, but for the names that its top level gives.
    private(set) var references: Set<String> = []
    /// Whether the top level awaits something.
    private(set) var awaitsAtTopLevel = false

    init(_ code: String) {
        self.code = code
        tree = Parser.parse(source: code)
        for top in topLevel {
            if let statement = top.item.as(GuardStmtSyntax.self) {
                definitions += statement.boundNames.map {
                    Definition(name: $0.name, kind: .variable($0.keyword), key: $0.name, statement: top.number)
                }
            }
            guard case .decl(let declaration) = top.item else { continue }
            if let declaration = declaration.as(ImportDeclSyntax.self) {
                imports.append(declaration.trimmedDescription)
            } else {
                definitions += declaration.definitions(statement: top.number).map { definition in
                    var definition = definition
                    definition.isConditional = top.isConditional
                    return definition
                }
            }
        }
        for token in tree.tokens(viewMode: .sourceAccurate) where !token.isTopLevelName {
            switch token.tokenKind {
            case .identifier(let name): references.insert(name.withoutBackticks)
            case .binaryOperator(let name), .prefixOperator(let name), .postfixOperator(let name):
                references.insert(name)
            default: break
            }
        }
        let finder = AwaitFinder(viewMode: .sourceAccurate)
        finder.walk(tree)
        awaitsAtTopLevel = finder.found
    }

    var isEmpty: Bool { tree.statements.isEmpty }

    /// What stands at the top level, what `#if` encloses included: each with the number of its statement.
    var topLevel: [(number: Int, item: CodeBlockItemSyntax.Item, isConditional: Bool)] {
        func items(
            _ item: CodeBlockItemSyntax.Item, _ number: Int, isConditional: Bool
        ) -> [(number: Int, item: CodeBlockItemSyntax.Item, isConditional: Bool)] {
            guard let conditional = item.as(IfConfigDeclSyntax.self) else { return [(number, item, isConditional)] }
            return conditional.clauses.flatMap { clause in
                clause.elements?.as(CodeBlockItemListSyntax.self)?.flatMap {
                    items($0.item, number, isConditional: true)
                } ?? []
            }
        }
        return tree.statements.enumerated().flatMap { items($0.element.item, $0.offset, isConditional: false) }
    }

    /// The expression whose value the cell shows: the last statement, unless it assigns or ends with a semicolon.
    var lastExpression: ExprSyntax? {
        // What does not parse is left as it is, so that the compiler's messages are about the user's words alone.
        guard !tree.hasError, let last = tree.statements.last, last.semicolon == nil,
            case .expr(let expression) = last.item
        else {
            return nil
        }
        if let sequence = expression.as(SequenceExprSyntax.self),
            sequence.elements.contains(where: { $0.is(AssignmentExprSyntax.self) })
        {
            return nil
        }
        if expression.is(MacroExpansionExprSyntax.self),
            expression.trimmedDescription.hasPrefix("#warning")
                || expression.trimmedDescription.hasPrefix("#error")
        {
            return nil
        }
        return expression
    }

    /// Where that expression stands, in UTF-8.
    var lastExpressionRange: Range<Int>? {
        lastExpression.map {
            $0.positionAfterSkippingLeadingTrivia.utf8Offset..<$0.endPositionBeforeTrailingTrivia.utf8Offset
        }
    }
}

/// Something that a cell's top level declares.
struct Definition: Hashable {
    enum Kind: Hashable {
        /// With the keyword of a scoped import: struct, class, enum, protocol, typealias.
        case type(String)
        case function
        /// With the keyword: let, var.
        case variable(String)
        /// Operators, their precedence, macros: no scoped import names them.
        case unscoped
        /// A member or conformance that an extension adds.
        case extended
    }

    let name: String
    let kind: Kind
    /// A later definition with the same key takes this one's place. Functions: name, labels and parameter types.
    let key: String
    /// The number of the top-level statement.
    let statement: Int
    /// Whether a cell needs this even where it does not write the name: conformances, subscripts, initialisers.
    var isImplicit = false
    /// Whether an extension says with it that its type conforms to a protocol.
    var isConformance = false
    /// Whether its type is `some P`, which only the cell itself knows: the values of later cells may have it.
    var isOpaque = false
    /// Whether a type brings operators along: no import of the type alone makes those visible.
    var hasOperators = false
    /// Whether it is an actor.
    var isActor = false
    /// Whether `#if` decides on it.
    var isConditional = false
    /// Of operators and precedence groups, the declaration.
    var text: String?

    /// Whether the name is seen only by those who import the whole cell.
    var needsWholeCell: Bool {
        switch kind {
        case .unscoped, .extended: true
        case .type, .function, .variable: hasOperators || isConditional
        }
    }

    /// Whether an older definition is out of force once this one is made: a type or a variable takes the place of every
    /// older thing of its name, a function only of those that are called alike.
    func supersedes(_ older: Definition) -> Bool {
        switch kind {
        case .type, .variable: older.key == name || older.key.hasPrefix(name + "(")
        case .function: older.key == key || older.key == name
        case .unscoped, .extended: older.key == key
        }
    }
}

extension DeclSyntax {
    fileprivate func definitions(statement: Int) -> [Definition] {
        func type(_ name: TokenSyntax, _ keyword: String) -> [Definition] {
            let name = name.text.withoutBackticks
            return [
                Definition(
                    name: name, kind: .type(keyword), key: name, statement: statement, hasOperators: declaresOperators)
            ]
        }
        switch self.as(DeclSyntaxEnum.self) {
        case .structDecl(let node): return type(node.name, "struct")
        case .classDecl(let node): return type(node.name, "class")
        case .actorDecl(let node):
            return type(node.name, "class").map { definition in
                var definition = definition
                definition.isActor = true
                return definition
            }
        case .enumDecl(let node): return type(node.name, "enum")
        case .protocolDecl(let node): return type(node.name, "protocol")
        case .typeAliasDecl(let node): return type(node.name, "typealias")
        case .functionDecl(let node):
            let name = node.name.text.withoutBackticks
            let isOperator = if case .identifier = node.name.tokenKind { false } else { true }
            return [
                Definition(
                    name: name, kind: isOperator ? .unscoped : .function, key: name + node.signature.matchingKey,
                    statement: statement, isOpaque: node.signature.returnClause?.isOpaque ?? false)
            ]
        case .variableDecl(let node):
            return node.bindings.flatMap { $0.pattern.boundNames }.map {
                Definition(
                    name: $0, kind: .variable(node.bindingSpecifier.text), key: $0, statement: statement)
            }
        case .operatorDecl(let node):
            return [
                Definition(
                    name: node.name.text, kind: .unscoped,
                    key: "operator \(node.fixitySpecifier.text) \(node.name.text)", statement: statement,
                    text: node.trimmedDescription)
            ]
        case .precedenceGroupDecl(let node):
            return [
                Definition(
                    name: node.name.text, kind: .unscoped, key: "precedencegroup \(node.name.text)",
                    statement: statement, text: node.trimmedDescription)
            ]
        case .macroDecl(let node):
            return [
                Definition(
                    name: node.name.text, kind: .unscoped, key: "macro \(node.name.text)", statement: statement)
            ]
        case .extensionDecl(let node): return node.extendedDefinitions(statement: statement)
        default: return []
        }
    }
}

extension DeclSyntax {
    /// Whether a member of it is an operator.
    private var declaresOperators: Bool {
        tokens(viewMode: .sourceAccurate).contains { token in
            guard token.parent?.as(FunctionDeclSyntax.self)?.name.id == token.id else { return false }
            return if case .identifier = token.tokenKind { false } else { true }
        }
    }
}

extension TokenSyntax {
    /// Whether this is the name in a declaration of the top level, and no use of it.
    fileprivate var isTopLevelName: Bool {
        // An operator's function needs what declares the operator.
        if case .binaryOperator = tokenKind { return false }
        if case .prefixOperator = tokenKind { return false }
        if case .postfixOperator = tokenKind { return false }
        guard let named = parent?.asProtocol((any NamedDeclSyntax).self), named.name.id == id else {
            guard let pattern = parent?.as(IdentifierPatternSyntax.self),
                let variable = pattern.parent?.parent?.parent?.as(VariableDeclSyntax.self)
            else { return false }
            return variable.parent?.parent?.parent?.is(SourceFileSyntax.self) == true
        }
        return named.parent?.parent?.parent?.is(SourceFileSyntax.self) == true
    }
}

extension ExtensionDeclSyntax {
    /// What a later extension of the same type with the same conditions takes the place of begins so.
    private var matchingKey: String {
        "extension \(extendedType.trimmedDescription)\(genericWhereClause.map { " " + $0.trimmedDescription } ?? "")"
    }

    fileprivate func extendedDefinitions(statement: Int) -> [Definition] {
        let type = extendedType.trimmedDescription
        func definition(_ name: String, _ key: String, implicit: Bool = false) -> Definition {
            Definition(
                name: name, kind: .extended, key: "\(matchingKey).\(key)", statement: statement,
                isImplicit: implicit)
        }
        var found = (inheritanceClause?.inheritedTypes ?? []).map {
            var conformance = definition(type, Self.key(ofConformance: $0), implicit: true)
            conformance.isConformance = true
            return conformance
        }
        for member in memberBlock.members {
            let keys = Self.keys(of: member.decl)
            switch member.decl.as(DeclSyntaxEnum.self) {
            case .functionDecl(let node):
                let name = node.name.text.withoutBackticks
                let isImplicit = name == "callAsFunction" || name.hasPrefix("build") || name.hasPrefix("dynamically")
                found += keys.map { definition(name, $0, implicit: isImplicit) }
            case .variableDecl: found += keys.map { definition($0, $0) }
            case .initializerDecl, .subscriptDecl: found += keys.map { definition(type, $0, implicit: true) }
            default:
                found += member.decl.definitions(statement: statement).map { definition($0.name, $0.key) }
            }
        }
        return found
    }

    private static func key(ofConformance type: InheritedTypeSyntax) -> String { ": " + type.type.trimmedDescription }

    private static func keys(of member: DeclSyntax) -> [String] {
        switch member.as(DeclSyntaxEnum.self) {
        case .functionDecl(let node): [node.name.text.withoutBackticks + node.signature.matchingKey]
        case .variableDecl(let node): node.bindings.flatMap { $0.pattern.boundNames }
        case .initializerDecl(let node): ["init" + node.signature.matchingKey]
        case .subscriptDecl(let node): ["subscript" + node.parameterClause.matchingKey]
        default: []
        }
    }

    /// What takes the definitions with these keys out of the extension.
    fileprivate func hiding(_ keys: [String: String], by attribute: (_ isCallable: Bool) -> String) -> [Edit] {
        func isHidden(_ key: String) -> Bool { keys["\(matchingKey).\(key)"] != nil }
        var edits: [Edit] = []
        if let clause = inheritanceClause {
            let kept = clause.inheritedTypes.filter { !isHidden(Self.key(ofConformance: $0)) }
            if kept.count < clause.inheritedTypes.count {
                let types = kept.map(\.type.trimmedDescription).joined(separator: ", ")
                edits.append(Edit(replacing: clause, with: types.isEmpty ? "" : ": \(types)"))
            }
        }
        for member in memberBlock.members {
            let keys = Self.keys(of: member.decl)
            if !keys.isEmpty, keys.allSatisfy(isHidden) { edits.append(member.decl.marked(by: attribute)) }
        }
        return edits
    }
}

extension CellSyntax {
    /// What hides definitions that later cells have made anew from the cells that import this one. Types are left: a
    /// scoped import makes the newer one win.
    ///
    /// - Parameters:
    ///   - keys: of the definitions, each with the text of the newer one where that is to stand in its place.
    ///   - attribute: what a declaration is marked with; not everything can be unavailable.
    func hiding(_ keys: [String: String], by attribute: (_ isCallable: Bool) -> String) -> [Edit] {
        var edits: [Edit] = []
        for (number, item, _) in topLevel {
            guard case .decl(let declaration) = item else { continue }
            if let node = declaration.as(ExtensionDeclSyntax.self) {
                edits += node.hiding(keys, by: attribute)
                continue
            }
            let definitions = declaration.definitions(statement: number)
            guard !definitions.isEmpty, definitions.allSatisfy({ keys[$0.key] != nil }) else { continue }
            if declaration.is(OperatorDeclSyntax.self) || declaration.is(PrecedenceGroupDeclSyntax.self) {
                edits.append(Edit(replacing: declaration, with: keys[definitions[0].key]!))
            } else if declaration.is(FunctionDeclSyntax.self) || declaration.is(VariableDeclSyntax.self)
                || declaration.is(MacroDeclSyntax.self)
            {
                edits.append(declaration.marked(by: attribute))
            }
        }
        return edits
    }
}

extension DeclSyntax {
    fileprivate func marked(by attribute: (_ isCallable: Bool) -> String) -> Edit {
        Edit(at: positionAfterSkippingLeadingTrivia, insert: attribute(!self.is(VariableDeclSyntax.self)) + " ")
    }
}

extension ReturnClauseSyntax {
    fileprivate var isOpaque: Bool { tokens(viewMode: .sourceAccurate).contains { $0.tokenKind == .keyword(.some) } }
}

extension FunctionSignatureSyntax {
    fileprivate var matchingKey: String { parameterClause.matchingKey }
}

extension FunctionParameterClauseSyntax {
    /// Labels and types: `(_:Int,by:Double)`. Results are left out: a function redefined with another result takes the
    /// older one's place.
    fileprivate var matchingKey: String {
        "(" + parameters.map { $0.firstName.text + ":" + $0.type.trimmedDescription }.joined(separator: ",") + ")"
    }
}

extension GuardStmtSyntax {
    /// The names that the statement leaves behind, each with `let` or `var`.
    var boundNames: [(name: String, keyword: String)] {
        conditions.flatMap { condition -> [(name: String, keyword: String)] in
            switch condition.condition {
            case .optionalBinding(let binding):
                binding.pattern.boundNames.map { ($0, binding.bindingSpecifier.text) }
            case .matchingPattern(let matching):
                matching.boundPatterns.map { ($0.pattern.identifier.text.withoutBackticks, $0.keyword) }
            default: []
            }
        }
    }
}

extension MatchingPatternConditionSyntax {
    /// What the pattern binds: in `case .v(let a, var b)` a with `let` and b with `var`.
    var boundPatterns: [(pattern: IdentifierPatternSyntax, keyword: String)] {
        let finder = BindingFinder(viewMode: .sourceAccurate)
        finder.walk(pattern)
        return finder.found
    }

    private final class BindingFinder: SyntaxVisitor {
        private var keyword: String?
        private(set) var found: [(pattern: IdentifierPatternSyntax, keyword: String)] = []

        override func visit(_ node: ValueBindingPatternSyntax) -> SyntaxVisitorContinueKind {
            keyword = node.bindingSpecifier.text
            return .visitChildren
        }
        override func visitPost(_ node: ValueBindingPatternSyntax) { keyword = nil }
        override func visit(_ node: IdentifierPatternSyntax) -> SyntaxVisitorContinueKind {
            if let keyword { found.append((node, keyword)) }
            return .skipChildren
        }
    }
}

extension PatternSyntax {
    var boundNames: [String] {
        if let pattern = self.as(IdentifierPatternSyntax.self) { return [pattern.identifier.text.withoutBackticks] }
        if let pattern = self.as(TuplePatternSyntax.self) { return pattern.elements.flatMap { $0.pattern.boundNames } }
        return []
    }
}

extension String {
    var withoutBackticks: String {
        hasPrefix("`") && hasSuffix("`") && count > 2 ? String(dropFirst().dropLast()) : self
    }
}

/// Looks for `await` outside functions, closures and types.
private final class AwaitFinder: SyntaxVisitor {
    var found = false

    private func find() -> SyntaxVisitorContinueKind {
        found = true
        return .skipChildren
    }
    override func visit(_ node: AwaitExprSyntax) -> SyntaxVisitorContinueKind { find() }
    override func visit(_ node: ForStmtSyntax) -> SyntaxVisitorContinueKind {
        node.awaitKeyword == nil ? .visitChildren : find()
    }
    override func visit(_ node: VariableDeclSyntax) -> SyntaxVisitorContinueKind {
        node.modifiers.contains { $0.name.text == "async" } ? find() : .visitChildren
    }
    override func visit(_ node: FunctionDeclSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
    override func visit(_ node: ClosureExprSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
    override func visit(_ node: AccessorBlockSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
    override func visit(_ node: MemberBlockSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
}
