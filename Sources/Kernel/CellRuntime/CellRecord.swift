import Display
import Synchronization

/// What a cell has left behind while it ran, by the number of its module. Cells themselves do not see it.
package final class CellRecord: Sendable {
    /// The error that ended a top level.
    package struct Thrown: Sendable {
        /// Its type.
        package var name: String
        package var description: String

        package init(name: String, description: String) {
            self.name = name
            self.description = description
        }
    }

    private struct State {
        var result: MimeBundle?
        var reached = -1
        var error: Thrown?
        var task: UInt?
    }
    private let state = Mutex(State())

    /// The last expression's value; `nil` where it has none to show.
    package var result: MimeBundle? { state.withLock { $0.result } }
    /// The number of the last top-level variable declaration that was executed; -1 before the first.
    package var reached: Int { state.withLock { $0.reached } }
    /// What ended the top level, if an error did.
    package var error: Thrown? { state.withLock { $0.error } }
    /// The task of a top level that awaits, as the bits of an `UnsafeCurrentTask`. It never ends: the end of a top level
    /// is a call of `exit` in it, which parks the thread.
    package var task: UInt? { state.withLock { $0.task } }

    package func cancelTask() {
        if let task { unsafeBitCast(task, to: UnsafeCurrentTask.self).cancel() }
    }

    package func setError(_ error: Thrown) { state.withLock { $0.error = error } }
    func setTask(_ task: UInt) { state.withLock { $0.task = task } }
    func setResult(_ bundle: MimeBundle) { state.withLock { $0.result = bundle } }
    func setReached(_ statement: Int) { state.withLock { $0.reached = max($0.reached, statement) } }
}

private let records = Mutex<[Int: CellRecord]>([:])

/// Makes the record of a cell that is about to run.
package func openCellRecord(_ cell: Int) -> CellRecord {
    let record = CellRecord()
    records.withLock { $0[cell] = record }
    return record
}

/// Ends the record of a cell that has ended. What a thread that it left behind still does leaves nothing.
package func closeCellRecord(_ cell: Int) {
    _ = records.withLock { $0.removeValue(forKey: cell) }
}

/// The record of a cell that runs; `nil` where it has ended.
package func cellRecord(_ cell: Int) -> CellRecord? {
    records.withLock { $0[cell] }
}
