internal import SwiftParser
internal import SwiftSyntax

/// What a cell's text says before it is compiled: what it imports, declares and refers to, and where its last value is.
struct CellSyntax {
    let code: String
    let tree: SourceFileSyntax
    /// The import declarations, as written.
    private(set) var imports: [String] = []
    private(set) var definitions: [Definition] = []
    /// Every identifier and operator in the cell.
    private(set) var references: Set<String> = []
    /// Whether the top level awaits something.
    private(set) var awaitsAtTopLevel = false

    init(_ code: String) {
        self.code = code
        tree = Parser.parse(source: code)
        for (number, statement) in tree.statements.enumerated() {
            if let statement = statement.item.as(GuardStmtSyntax.self) {
                definitions += statement.boundNames.map {
                    Definition(name: $0.name, kind: .variable($0.keyword), key: $0.name, statement: number)
                }
            }
            guard case .decl(let declaration) = statement.item else { continue }
            if let declaration = declaration.as(ImportDeclSyntax.self) {
                imports.append(declaration.trimmedDescription)
            } else {
                definitions += declaration.definitions(statement: number)
            }
        }
        for token in tree.tokens(viewMode: .sourceAccurate) {
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
    /// Whether its type is `some P`, which only the cell itself knows: the values of later cells may have it.
    var isOpaque = false
}

extension DeclSyntax {
    fileprivate func definitions(statement: Int) -> [Definition] {
        func type(_ name: TokenSyntax, _ keyword: String) -> [Definition] {
            let name = name.text.withoutBackticks
            return [Definition(name: name, kind: .type(keyword), key: name, statement: statement)]
        }
        switch self.as(DeclSyntaxEnum.self) {
        case .structDecl(let node): return type(node.name, "struct")
        case .classDecl(let node): return type(node.name, "class")
        case .actorDecl(let node): return type(node.name, "class")
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
                    key: "operator \(node.fixitySpecifier.text) \(node.name.text)", statement: statement)
            ]
        case .precedenceGroupDecl(let node):
            return [
                Definition(
                    name: node.name.text, kind: .unscoped, key: "precedencegroup \(node.name.text)",
                    statement: statement)
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

extension ExtensionDeclSyntax {
    fileprivate func extendedDefinitions(statement: Int) -> [Definition] {
        let type = extendedType.trimmedDescription
        func definition(_ name: String, _ key: String, implicit: Bool = false) -> Definition {
            Definition(
                name: name, kind: .extended, key: "extension \(type).\(key)", statement: statement,
                isImplicit: implicit)
        }
        var found = (inheritanceClause?.inheritedTypes ?? []).map {
            definition(type, ": " + $0.type.trimmedDescription, implicit: true)
        }
        for member in memberBlock.members {
            switch member.decl.as(DeclSyntaxEnum.self) {
            case .functionDecl(let node):
                let name = node.name.text.withoutBackticks
                let isImplicit = name == "callAsFunction" || name.hasPrefix("build") || name.hasPrefix("dynamically")
                found.append(definition(name, name + node.signature.matchingKey, implicit: isImplicit))
            case .variableDecl(let node):
                found += node.bindings.flatMap { $0.pattern.boundNames }.map { definition($0, $0) }
            case .initializerDecl(let node):
                found.append(definition(type, "init" + node.signature.matchingKey, implicit: true))
            case .subscriptDecl(let node):
                found.append(
                    definition(type, "subscript" + node.parameterClause.matchingKey, implicit: true))
            default:
                found += member.decl.definitions(statement: statement).map { definition($0.name, $0.key) }
            }
        }
        return found
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
            guard case .optionalBinding(let binding) = condition.condition else { return [] }
            return binding.pattern.boundNames.map { ($0, binding.bindingSpecifier.text) }
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
