import Display
import Glibc
import Synchronization

/// What the compiler finds of earlier cells: the modules that a cell imports, and empty ones in the place of all others.
///
/// A cell's module names those that it was compiled against, and the compiler loads all of them, and theirs: in a chain
/// of 500 cells, each of which uses the one before, the last took 6.4 times as long as the fifth. An empty module ends
/// the chain. Where a type leads further, `NameTable` counts its cell among the imported ones.
final class ModuleViews: Sendable {
    private let folder: String
    /// The bytes of an empty module, by the length of its name.
    private let empty = Mutex<[Int: [UInt8]]>([:])

    /// - Parameter folder: where the cells' modules are written.
    /// - Throws: `FileError` where a folder cannot be made.
    init(folder: String) throws {
        self.folder = folder
        try makeFolder(folder + "/empty")
    }

    /// The search paths for compiling a cell that imports others, the first before the second.
    ///
    /// - Parameters:
    ///   - name: of the folder that is made, and to be removed with `remove`.
    ///   - revised: where modules lie that are to be taken in the place of those of the same name.
    func searchPaths(_ name: String, importing imported: Set<Int>, revised: String? = nil) -> [String] {
        guard !imported.isEmpty else { return [] }
        let view = "\(folder)/\(name)"
        guard mkdir(view, 0o700) == 0 else { return [] }
        for number in imported {
            let module = "Cell\(number).swiftmodule"
            let newer = revised.map { "\($0)/\(module)" }
            symlink(newer.flatMap { fileExists($0) ? $0 : nil } ?? "\(folder)/\(module)", "\(view)/\(module)")
        }
        return [view, folder + "/empty"]
    }

    /// Removes what `searchPaths` made.
    func remove(_ name: String) { removeFolder("\(folder)/\(name)") }

    /// Writes the empty module that stands for the cell from now on.
    func finish(_ cell: Int, makeEmpty: (_ name: String) throws -> [UInt8]?) {
        let name = Array("Cell\(cell)".utf8)
        // All names of one length share one compilation: the name stands in the module once.
        let bytes = empty.withLock { empty -> [UInt8]? in
            if let known = empty[name.count] { return known }
            let made = try? makeEmpty(String(decoding: name, as: UTF8.self))
            empty[name.count] = made ?? []
            return made
        }
        guard let bytes, let place = bytes.place(ofNameWithLength: name.count) else { return }
        let module = bytes[..<place] + name + bytes[(place + name.count)...]
        try? write(Array(module), to: "\(folder)/empty/Cell\(cell).swiftmodule")
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
