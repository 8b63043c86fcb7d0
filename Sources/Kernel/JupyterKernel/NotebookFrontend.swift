internal import Display

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
    /// No message tells a kernel what its page looks like, but JupyterLab keeps that in a file on the same machine.
    var isDark: Bool { current.publisherOfCaller.isOfJupyterLab && JupyterLabTheme.isDark() }
}
