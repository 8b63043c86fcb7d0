import Display
import Glibc
import Synchronization

/// The modules of cells from which later cells have taken something: written anew, with what is out of force hidden from
/// those who import them.
///
/// Where two cells define a function, an operator or a member of an extension, the newer one does not simply win: to the
/// compiler they are overloads, and ambiguous. So the older cell's module, not its code, is compiled once more (50 ms,
/// mostly while nobody waits) with the older declaration marked unavailable. Variables cannot be unavailable, nor what
/// another declaration's type is inferred from: these are marked as overloads of last resort.
final class ModuleRevisions: Sendable {
    /// Writes the module of a cell into `folder`, compiled from `text`. False where that does not compile.
    typealias Compile = (_ text: String, _ source: CellSource, _ cell: Int) throws -> Bool

    private struct State {
        var sources: [Int: CellSource] = [:]
        /// What is hidden in the revised module of a cell; of others nothing is.
        var hidden: [Int: [String: String]] = [:]
        var count = 0
    }
    /// Locked while a module is written.
    private let state = Mutex(State())
    /// Where revised modules are written; searched before the folder of all.
    let folder: String

    /// - Throws: `FileError` where the folder cannot be made.
    init(folder: String) throws {
        self.folder = folder
        try makeFolder(folder)
    }

    /// How often a module was written anew.
    var count: Int { state.withLock { $0.count } }

    /// Keeps a cell's source, from which its module can be written anew.
    func keep(_ source: CellSource, cell: Int) { state.withLock { $0.sources[cell] = source } }

    /// Sees to it that of each of these cells the definitions with these keys are hidden, and no others.
    func prepare(_ hidden: [Int: [String: String]], compile: Compile) {
        for (cell, keys) in hidden.sorted(by: { $0.key < $1.key }) {
            state.withLock { state in
                guard state.hidden[cell] ?? [:] != keys, let source = state.sources[cell] else { return }
                state.hidden[cell] = keys
                state.count += 1
                if keys.isEmpty || !revise(source, cell, hiding: keys, compile) {
                    unlink("\(folder)/Cell\(cell).swiftmodule")
                }
            }
        }
    }

    private func revise(
        _ source: CellSource, _ cell: Int, hiding keys: [String: String], _ compile: Compile
    ) -> Bool {
        let lastResort = "@_disfavoredOverload"
        let unavailable = "@available(*, unavailable, message: \"it was defined anew\")"
        for attribute in [unavailable, lastResort] {
            let text = source.text(hiding: keys) { isCallable in isCallable ? attribute : lastResort }
            if (try? compile(text, source, cell)) == true { return true }
        }
        return false
    }
}
