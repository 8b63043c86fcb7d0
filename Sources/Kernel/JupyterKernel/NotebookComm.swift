internal import Display
internal import JupyterWire
import Synchronization

/// A comm of this kernel: what a cell's program holds of it.
final class NotebookComm: Comm {
    let id: String
    let target: String
    private let comms: Comms
    private let output: @Sendable () -> CellPublisher
    private let state = Mutex(State())

    private struct State {
        var isOpen = true
        var received: [@Sendable (CommPayload) -> Void] = []
        var closed: [@Sendable (CommPayload) -> Void] = []
    }

    init(id: String, target: String, comms: Comms, output: @escaping @Sendable () -> CellPublisher) {
        self.id = id
        self.target = target
        self.comms = comms
        self.output = output
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func send(_ payload: CommPayload) {
        if isOpen { output().publish(CommMessage(id: id, data: payload.data), payload) }
    }

    func close(_ payload: CommPayload) {
        guard comms.forget(id) != nil else { return }
        state.withLock { $0.isOpen = false }
        output().publish(CommClose(id: id, data: payload.data), payload)
    }

    func onMessage(_ handler: @escaping @Sendable (CommPayload) -> Void) {
        state.withLock { $0.received.append(handler) }
    }

    func onClose(_ handler: @escaping @Sendable (CommPayload) -> Void) { state.withLock { $0.closed.append(handler) } }

    func received(_ payload: CommPayload) {
        for handler in state.withLock({ $0.received }) { handler(payload) }
    }

    func wasClosed(_ payload: CommPayload) {
        let handlers = state.withLock { state in
            state.isOpen = false
            return state.closed
        }
        for handler in handlers { handler(payload) }
    }
}
