import Synchronization

/// Where output goes: to the cell that the calling code belongs to; from code of which that is not known (what a child
/// process writes), to the cell that runs, or else to the last.
final class CurrentOutput: Sendable {
    private let value: Mutex<CellPublisher>
    private let interpreter: any Interpreter

    init(_ output: CellPublisher, interpreter: any Interpreter) {
        value = Mutex(output)
        self.interpreter = interpreter
    }

    var running: CellPublisher {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }

    var ofCaller: any CellOutput { RunningCell.output ?? interpreter.outputOfCallingThread() ?? running }
    var publisherOfCaller: CellPublisher { ofCaller as? CellPublisher ?? running }
}
