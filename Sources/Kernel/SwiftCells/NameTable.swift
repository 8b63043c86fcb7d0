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

    /// Notes what a cell declared. Definitions with the same key in earlier cells are out of force from now on.
    mutating func add(cell: Int, definitions: [Definition], imports: [String], references: Set<String>) {
        // What a cell declares anew it means itself; only a variable can be made from its older value.
        let own = definitions.filter { if case .variable = $0.kind { false } else { $0.kind != .function } }
        let dependencies = cells(for: references.subtracting(own.map(\.name)))
        var closure = dependencies.reduce(into: Set<Int>()) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
        closure.formUnion(dependencies.filter { declaresTypes($0) })
        entries[cell] = Entry(definitions: definitions, typeClosure: closure)
        let names = Set(definitions.map(\.name))
        for definition in definitions {
            // A type takes every older thing of its name out of force, and a variable too: only functions overload.
            if definition.kind != .function, definition.kind != .unscoped, definition.kind != .extended {
                for key in cellByKey.keys where key == definition.name || key.hasPrefix(definition.name + "(") {
                    cellByKey[key] = cell
                }
            } else if definition.kind == .function {
                cellByKey[definition.name] = nil
            }
            cellByKey[definition.key] = cell
        }
        for name in names { cellsByName[name, default: []].insert(cell) }
        for name in names {
            cellsByName[name] = cellsByName[name]?.filter { !definitionsInForce(of: name, in: $0).isEmpty }
        }
        implicitCells.insert(cell)
        implicitCells = implicitCells.filter { cell in
            entries[cell]!.definitions.contains { $0.isImplicit && cellByKey[$0.key] == cell }
        }
        for line in imports where !self.imports.contains(line) { self.imports.append(line) }
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
    func importLines(for references: Set<String>) -> [String] {
        let direct = cells(for: references)
        var scoped: [String] = []
        var whole: Set<Int> = []
        for cell in direct.sorted() {
            var isScoped = false
            for definition in entries[cell]!.definitions where cellByKey[definition.key] == cell {
                guard references.contains(definition.name) || definition.isImplicit else { continue }
                switch definition.kind {
                case .type(let keyword): scoped.append(scopedImport(keyword, definition.name, cell))
                case .variable(let keyword): scoped.append(scopedImport(keyword, definition.name, cell))
                case .function: scoped.append(scopedImport("func", definition.name, cell))
                case .unscoped: whole.insert(cell)
                case .extended: continue
                }
                isScoped = true
            }
            if !isScoped { whole.insert(cell) }
        }
        // Members of a type are visible to those who import its cell.
        let closure = direct.reduce(into: Set<Int>()) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
        whole.formUnion(closure.subtracting(direct))
        var lines: [String] = []
        for line in whole.sorted().map({ "\(attributes($0)) import Cell\($0)" }) + scoped where !lines.contains(line) {
            lines.append(line)
        }
        return lines
    }

    /// The cells whose modules a cell with these references is compiled against.
    func importedCells(for references: Set<String>) -> Set<Int> {
        let direct = cells(for: references)
        return direct.reduce(into: direct) { $0.formUnion(entries[$1]?.typeClosure ?? []) }
    }

    private func cells(for references: Set<String>) -> Set<Int> {
        references.reduce(into: implicitCells) { $0.formUnion(cellsByName[$1] ?? []) }
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
