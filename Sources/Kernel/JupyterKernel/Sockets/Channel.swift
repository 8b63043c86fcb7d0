internal import JupyterWire
internal import Logging
import Synchronization

/// A socket on which clients ask and are answered: shell, control or stdin. One thread owns it, and it always reads.
final class Channel: Sendable {
    private enum Order: Sendable {
        case send([[UInt8]])
        /// Ring once everything that has arrived is delivered.
        case settle(Bell)
        case stop
    }

    let name: String
    private let socket: ZeroMQSocket
    private let session: Session
    private let logger: Logger
    private let orders = Mailbox<Order>()
    private let thread = Mutex<KernelThread?>(nil)

    init(_ name: String, socket: ZeroMQSocket, session: Session, logger: Logger) {
        self.name = name
        self.socket = socket
        self.session = session
        self.logger = logger
    }

    /// Starts to read. `deliver` is called, on the channel's thread, with every message that is well-formed, signed and
    /// new; the others are logged.
    func start(_ deliver: @escaping @Sendable (Message) -> Void) {
        thread.withLock { $0 = KernelThread(name) { self.run(deliver) } }
    }

    func send(_ message: Message) { orders.post(.send(session.frames(of: message))) }

    /// Returns once everything that clients have sent so far is delivered.
    func settle() {
        let bell = Bell()
        orders.post(.settle(bell))
        bell.wait(milliseconds: 1000)
    }

    /// Sends what is to be sent and closes the socket.
    func stop() {
        orders.post(.stop)
        thread.withLock { _ = $0?.join(milliseconds: 2000) }
    }

    private func run(_ deliver: (Message) -> Void) {
        defer { socket.close() }
        while socket.wait(or: orders.bell) {
            // Taken before reading: what arrived before `settle` was ordered is delivered before its bell rings.
            let orders = orders.takeAll()
            while let frames = socket.receive() {
                do throws(WireError) {
                    if frames.isEmpty { throw .tooLarge("message", limit: "1,000 frames or 512 MB") }
                    deliver(try session.message(from: frames))
                } catch {
                    logger.warning("\(name): a message was ignored, because \(error)")
                }
            }
            for order in orders {
                switch order {
                case .send(let frames): socket.send(frames)
                case .settle(let bell): bell.ring()
                case .stop: return
                }
            }
        }
    }
}
