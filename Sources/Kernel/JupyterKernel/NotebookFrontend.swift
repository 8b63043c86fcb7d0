internal import Display
import Synchronization

/// Sends what a program displays to the notebook, below the cell that the calling code belongs to.
final class NotebookFrontend: Frontend {
    private let current: CurrentOutput

    init(current: CurrentOutput) {
        self.current = current
    }

    private var output: any CellOutput { RunningCell.output ?? current.output }

    func display(_ bundle: MimeBundle, id: DisplayID?) { output.display(bundle, id: id) }
    func update(_ bundle: MimeBundle, id: DisplayID) { output.update(bundle, id: id) }
    func clearOutput(wait: Bool) { output.clear(wait: wait) }
    var updatesInPlace: Bool { true }
}

/// Where output goes that comes from no known cell, what C code prints for one: to the cell that runs, or else to the last.
final class CurrentOutput: Sendable {
    private let value: Mutex<CellPublisher>

    init(_ output: CellPublisher) {
        value = Mutex(output)
    }

    var output: CellPublisher {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
