/// Which cell declared what, and which of several declarations of a name is in force.
///
/// A cell imports only the cells that declare what it refers to: with every earlier cell imported, cell 300 took 170 ms
/// to compile, with these 53 ms.
struct NameTable {
    /// A cell that ran.
    private struct Entry {
        var definitions: [Definition]
        /// The cells whose types the values of this one may have.
        var typeClosure: Set<Int>
    }

    private var entries: [Int: Entry] = [:]
    /// The cells that declare a name in force, by name.
    private var cellsByName: [String: Set<Int>] = [:]
    /// The cell whose definition is in force, by the definition's key.
    private var cellByKey: [String: Int] = [:]
    /// The cells with conformances and other things that are used without being named.
    private var implicitCells: Set<Int> = []
    /// The import declarations of all cells, in order, each once.
    private(set) var imports: [String] = []

    /// Notes what a cell declared. Definitions of earlier cells that these take the place of are out of force from now on.
    ///
    /// - Returns: the earlier cells that keep something in force beside what is out of force now.
    @discardableResult
    mutating func add(
        cell: Int, definitions: [Definition], imports: [String], references: Set<String>
    ) -> Set<Int> {
        let dependencies = cells(for: references, in: definitions)
        var closure = dependencies.reduce(into: Set<Int>()) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
        closure.formUnion(dependencies.filter { declaresTypes($0) })
        entries[cell] = Entry(definitions: definitions, typeClosure: closure)
        let names = Set(definitions.map(\.name))
        for definition in definitions {
            if definition.kind == .function {
                cellByKey[definition.name] = nil
            } else if definition.kind != .unscoped, definition.kind != .extended {
                for key in cellByKey.keys where key.hasPrefix(definition.name + "(") { cellByKey[key] = cell }
            }
            cellByKey[definition.key] = cell
        }
        var touched: Set<Int> = []
        for name in names {
            touched.formUnion(cellsByName[name] ?? [])
            cellsByName[name, default: []].insert(cell)
        }
        for name in names {
            cellsByName[name] = cellsByName[name]?.filter { !definitionsInForce(of: name, in: $0).isEmpty }
        }
        implicitCells.insert(cell)
        implicitCells = implicitCells.filter { cell in
            entries[cell]!.definitions.contains { $0.isImplicit && cellByKey[$0.key] == cell }
        }
        for line in imports where !self.imports.contains(line) { self.imports.append(line) }
        touched.remove(cell)
        return touched.filter { cell in
            entries[cell]!.definitions.contains { cellByKey[$0.key] == cell } && !hidden(in: cell).isEmpty
        }
    }

    /// The definitions of a cell that its importers are not to see, because later cells made them anew: by key, each with
    /// the text that is to stand in its place, if any is. Types are left out: a scoped import makes the newer one win.
    ///
    /// - Parameter besides: definitions of a cell that is about to be compiled. Of these only what no scoped import
    ///   could tell from the older ones counts.
    func hidden(in cell: Int, besides own: [Definition] = []) -> [String: String] {
        var hidden: [String: String] = [:]
        for definition in entries[cell]?.definitions ?? [] {
            if case .type = definition.kind { continue }
            let newer = own.first { $0.needsWholeCell && $0.supersedes(definition) }
            if let newer {
                hidden[definition.key] = newer.text ?? ""
            } else if cellByKey[definition.key] != cell {
                let newest = cellByKey[definition.key].flatMap { entries[$0] }
                hidden[definition.key] = newest?.definitions.first { $0.key == definition.key }?.text ?? ""
            }
        }
        return hidden
    }

    /// Notes all that a cell declares.
    mutating func add(cell: Int, syntax: CellSyntax) {
        add(cell: cell, definitions: syntax.definitions, imports: syntax.imports, references: syntax.references)
    }

    /// The variable or function of that name in force, if an earlier cell declared one.
    func cell(declaring name: String) -> Int? { cellsByName[name]?.max() }

    /// The newest cell whose names are known; 0 before the first.
    var newest: Int { entries.keys.max() ?? 0 }

    /// The names in force that begin so, in upper or lower case; of members only those that extensions added.
    func names(startingWith prefix: String, members: Bool) -> Set<String> {
        let prefix = prefix.lowercased()
        return Set(
            cellsByName.filter { name, cells in
                name.lowercased().hasPrefix(prefix)
                    && cells.contains { cell in
                        definitionsInForce(of: name, in: cell).contains { ($0.kind == .extended) == members }
                    }
            }.keys)
    }

    /// The variables in force, by name, each with its cell.
    var variables: [(name: String, cell: Int)] {
        cellsByName.flatMap { name, cells in
            cells.compactMap { cell in
                definitionsInForce(of: name, in: cell).contains { if case .variable = $0.kind { true } else { false } }
                    ? (name, cell) : nil
            }
        }.sorted { $0.name < $1.name }
    }

    /// The import declarations that make the earlier cells' names visible to a cell with these references, one a line.
    ///
    /// - Parameter own: what the cell itself declares.
    func importLines(for references: Set<String>, in own: [Definition] = []) -> [String] {
        let direct = cells(for: references, in: own)
        // Members of a type are visible to those who import its cell.
        let closure = direct.reduce(into: Set<Int>()) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
        var scoped: [String] = []
        var whole = closure.subtracting(direct)
        for cell in direct.sorted() {
            var isScoped = false
            for definition in entries[cell]!.definitions {
                // Operators are not asked for by the name of their type, which a variable of the cell may have.
                if definition.hasOperators || definition.needsWholeCell && closure.contains(cell) {
                    whole.insert(cell)
                }
                guard cellByKey[definition.key] == cell else { continue }
                guard references.contains(definition.name) || definition.isImplicit else { continue }
                if definition.needsWholeCell { whole.insert(cell) }
                if definition.isConditional { continue }
                switch definition.kind {
                case .type(let keyword): scoped.append(scopedImport(keyword, definition.name, cell))
                case .variable(let keyword): scoped.append(scopedImport(keyword, definition.name, cell))
                case .function: scoped.append(scopedImport("func", definition.name, cell))
                case .unscoped, .extended: continue
                }
                isScoped = true
            }
            if !isScoped { whole.insert(cell) }
        }
        var lines: [String] = []
        for line in whole.sorted().map({ "\(attributes($0)) import Cell\($0)" }) + scoped where !lines.contains(line) {
            lines.append(line)
        }
        return lines
    }

    /// The cells whose modules a cell with these references is compiled against.
    func importedCells(for references: Set<String>, in own: [Definition] = []) -> Set<Int> {
        let direct = cells(for: references, in: own)
        return direct.reduce(into: direct) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
    }

    /// The cells of names that are referred to, but for names that the cell itself means by them.
    private func cells(for references: Set<String>, in own: [Definition]) -> Set<Int> {
        // A variable can be made from its older value.
        let own = own.filter { if case .variable = $0.kind { false } else { true } }
        func isOwn(_ definition: Definition) -> Bool { own.contains { $0.supersedes(definition) } }
        var cells = implicitCells.filter { cell in
            entries[cell]!.definitions.contains { $0.isImplicit && cellByKey[$0.key] == cell && !isOwn($0) }
        }
        for name in references {
            for cell in cellsByName[name] ?? [] where !definitionsInForce(of: name, in: cell).allSatisfy(isOwn) {
                cells.insert(cell)
            }
        }
        return cells
    }

    /// A type that several cells have made, where one of the references leads to an older one of them: its name, the
    /// cell that made the older one, and the cell of the newest.
    func olderTypes(behind references: Set<String>) -> [(name: String, older: Int, newest: Int)] {
        let visible = importedCells(for: references)
        return visible.sorted().flatMap { cell in
            entries[cell]!.definitions.compactMap { definition -> (name: String, older: Int, newest: Int)? in
                guard case .type = definition.kind, let newest = cellByKey[definition.key], newest > cell else {
                    return nil
                }
                return (definition.name, cell, newest)
            }
        }
    }

    private func declaresTypes(_ cell: Int) -> Bool {
        entries[cell]?.definitions.contains {
            switch $0.kind {
            case .type, .extended: true
            default: $0.isOpaque
            }
        } ?? false
    }

    private func definitionsInForce(of name: String, in cell: Int) -> [Definition] {
        entries[cell]?.definitions.filter { $0.name == name && cellByKey[$0.key] == cell } ?? []
    }

    /// Reaches `private` declarations too.
    private func attributes(_ cell: Int) -> String { "@_private(sourceFile: \"Cell\(cell).swift\")" }

    private func scopedImport(_ keyword: String, _ name: String, _ cell: Int) -> String {
        "\(attributes(cell)) import \(keyword) Cell\(cell).`\(name)`"
    }
}
