internal import Display
import Synchronization

/// Sends what a program displays to the notebook, below the cell that the calling code belongs to.
final class NotebookFrontend: Frontend {
    private let current: CurrentOutput
    private let comms: Comms

    init(current: CurrentOutput, comms: Comms) {
        self.current = current
        self.comms = comms
    }

    func display(_ bundle: MimeBundle, id: DisplayID?) { current.ofCaller.display(bundle, id: id) }
    func update(_ bundle: MimeBundle, id: DisplayID) { current.ofCaller.update(bundle, id: id) }
    func clearOutput(wait: Bool) { current.ofCaller.clear(wait: wait) }
    var updatesInPlace: Bool { true }

    func openComm(target: String, id: String?, _ payload: CommPayload) -> (any Comm)? {
        comms.open(target: target, id: id, payload) { [current] in current.publisherOfCaller }
    }

    func acceptComms(target: String, _ opened: @escaping @Sendable (any Comm, CommPayload) -> Void) {
        comms.accept(target: target, opened)
    }

    var currentOutputID: String? { current.publisherOfCaller.id }
}

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
