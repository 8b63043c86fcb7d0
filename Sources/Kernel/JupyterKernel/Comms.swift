internal import Display
internal import FoundationEssentials
internal import JupyterWire
internal import Logging
import Synchronization

/// The comms that are open, and what is done when a client opens one.
final class Comms: Sendable {
    private let open = Mutex<[String: NotebookComm]>([:])
    private let targets = Mutex<[String: @Sendable (any Comm, CommPayload) -> Void]>([:])
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// The target's name by comm id, of all comms or of those with one target.
    func targets(named name: String?) -> [String: String] {
        open.withLock { open in open.mapValues(\.target).filter { name == nil || $0.value == name } }
    }

    func accept(target: String, _ opened: @escaping @Sendable (any Comm, CommPayload) -> Void) {
        targets.withLock { $0[target] = opened }
    }

    /// Opens a comm to a client's object. `output` says where messages go at the time when they are sent.
    func open(
        target: String, id: String?, _ payload: CommPayload, output: @escaping @Sendable () -> CellPublisher
    ) -> NotebookComm {
        let comm = NotebookComm(
            id: id ?? UUID().uuidString.lowercased().replacing("-", with: ""), target: target, comms: self,
            output: output)
        open.withLock { $0[comm.id] = comm }
        output().publish(CommOpen(id: comm.id, target: target, data: payload.data), payload)
        return comm
    }

    func forget(_ id: String) -> NotebookComm? { open.withLock { $0.removeValue(forKey: id) } }

    // MARK: From a client

    /// What is to be called for a client's message; `nil` where it concerns nobody.
    func callback(
        for request: Request, output: @escaping @Sendable () -> CellPublisher
    ) throws -> (@Sendable () -> Void)? {
        let message = request.message
        func payload(_ data: JSON) throws -> CommPayload {
            let metadata = try JSONText.decode(JSON.self, from: message.metadataBytes, part: "metadata")
            return CommPayload(data: data, metadata: metadata, buffers: message.buffers)
        }
        switch message.type {
        case CommOpen.messageType:
            let content: CommOpen = try request.content()
            let payload = try payload(content.data)
            guard let opened = targets.withLock({ $0[content.target] }) else {
                logger.notice(
                    "A client opened a comm to \(content.target.debugDescription), which nothing here accepts.")
                request.publish(CommClose(id: content.id))
                return nil
            }
            let comm = NotebookComm(id: content.id, target: content.target, comms: self, output: output)
            open.withLock { $0[comm.id] = comm }
            return { opened(comm, payload) }
        case CommClose.messageType:
            let content: CommClose = try request.content()
            let payload = try payload(content.data)
            guard let comm = forget(content.id) else { return nil }
            return { comm.wasClosed(payload) }
        default:
            let content: CommMessage = try request.content()
            let payload = try payload(content.data)
            guard let comm = open.withLock({ $0[content.id] }) else {
                // A notebook keeps the widgets of the session before: nobody is at their other end.
                logger.debug("A message came for the comm \(content.id.debugDescription), which is not open.")
                return nil
            }
            return { comm.received(payload) }
        }
    }
}
