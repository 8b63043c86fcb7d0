import Display
import Glibc
import Synchronization

/// What the compiler finds of earlier cells: the modules that a cell imports, and empty ones in the place of all others.
///
/// A cell's module names those that it was compiled against, and the compiler loads all of them, and theirs: in a chain
/// of 500 cells, each of which uses the one before, the last took 6.4 times as long as the fifth. An empty module ends
/// the chain. Where a type leads further, `NameTable` counts its cell among the imported ones.
///
/// The compiler lists a folder of modules once, and the one for the next cell does so before it is known what that will
/// import: so there is one folder with a link for every cell, and the links turn.
final class ModuleViews: Sendable {
    private let folder: String
    /// The search path of the cell that is compiled: a link for each earlier cell.
    private let links: String
    private struct State {
        /// The bytes of an empty module, by the length of its name.
        var empty: [Int: [UInt8]] = [:]
        /// Where the links of cells lead that do not lead to the empty module.
        var shown: [Int: String] = [:]
    }
    private let state = Mutex(State())

    /// - Parameter folder: where the cells' modules are written.
    /// - Throws: `FileError` where a folder cannot be made.
    init(folder: String) throws {
        self.folder = folder
        links = folder + "/view"
        try makeFolder(folder + "/empty")
        try makeFolder(links)
    }

    /// Search paths on which the compiler finds what `show` has shown last.
    var searchPaths: [String] { [links] }

    /// Makes room for the module of a cell before any compiler lists the folder for a later one.
    func add(_ cell: Int) { symlink(empty(cell), link(cell)) }

    /// Shows the modules of these cells, and of all others empty ones.
    ///
    /// - Parameter revised: where modules lie that are to be taken in the place of those of the same name.
    func show(_ imported: Set<Int>, revised: String) {
        state.withLock { state in
            let wanted = imported.reduce(into: [Int: String]()) { wanted, cell in
                let newer = "\(revised)/Cell\(cell).swiftmodule"
                wanted[cell] = fileExists(newer) ? newer : "\(folder)/Cell\(cell).swiftmodule"
            }
            for cell in Set(wanted.keys).union(state.shown.keys) where wanted[cell] != state.shown[cell] {
                turn(cell, to: wanted[cell] ?? empty(cell))
            }
            state.shown = wanted
        }
    }

    /// A folder of its own with the modules of these cells, and the search paths on which the compiler finds them and of
    /// all others empty ones; to be removed with `remove`.
    func separate(_ name: String, importing imported: Set<Int>) -> [String] {
        guard !imported.isEmpty, mkdir("\(folder)/\(name)", 0o700) == 0 else { return [] }
        for number in imported {
            let module = "Cell\(number).swiftmodule"
            symlink("\(folder)/\(module)", "\(folder)/\(name)/\(module)")
        }
        return ["\(folder)/\(name)", folder + "/empty"]
    }

    /// Removes what `separate` made.
    func remove(_ name: String) { removeFolder("\(folder)/\(name)") }

    /// Writes the empty module that stands for the cell from now on.
    func finish(_ cell: Int, makeEmpty: @escaping @Sendable (_ name: String) throws -> [UInt8]?) {
        // The next longer name comes up at cell 10, 100, …: it is thought of in time.
        let unknown = state.withLock { state -> [Int] in
            let unknown = [cell, 2 * cell + 8].filter { state.empty["Cell\($0)".utf8.count] == nil }
            // No second time, whatever comes of it.
            for cell in unknown { state.empty["Cell\(cell)".utf8.count] = [] }
            return unknown
        }
        if unknown.first != cell { writeEmpty(cell) }
        if unknown.isEmpty { return }
        // Where it comes too late, the compiler is asked once more, with the real modules.
        _ = startThread { [self] in
            for other in unknown {
                // All names of one length share one compilation: the name stands in the module once.
                let name = "Cell\(other)"
                guard let template = try? makeEmpty(name) else { continue }
                state.withLock { $0.empty[name.utf8.count] = template }
            }
            writeEmpty(cell)
        }
    }

    private func writeEmpty(_ cell: Int) {
        let name = Array("Cell\(cell)".utf8)
        guard let template = state.withLock({ $0.empty[name.count] }),
            let place = template.place(ofNameWithLength: name.count)
        else { return }
        try? write(template[..<place] + name + template[(place + name.count)...], to: empty(cell))
    }

    private func empty(_ cell: Int) -> String { "\(folder)/empty/Cell\(cell).swiftmodule" }

    private func link(_ cell: Int) -> String { "\(links)/Cell\(cell).swiftmodule" }

    private func turn(_ cell: Int, to path: String) {
        let new = "\(links)/new"
        unlink(new)
        symlink(path, new)
        rename(new, link(cell))
    }
}

extension [UInt8] {
    /// Where "Cell" with as many digits as the length leaves room for stands, if it stands in one place only.
    fileprivate func place(ofNameWithLength length: Int) -> Int? {
        let prefix = Array("Cell".utf8)
        let digits = length - prefix.count
        var found: Int?
        for start in indices.dropLast(length) where self[start] == prefix[0] {
            let name = self[start..<start + length]
            guard name.starts(with: prefix), name.suffix(digits).allSatisfy({ (48...57).contains($0) }) else {
                continue
            }
            if found != nil { return nil }
            found = start
        }
        return found
    }
}
