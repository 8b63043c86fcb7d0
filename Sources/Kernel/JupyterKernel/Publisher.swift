internal import Display
internal import JupyterWire
import Synchronization

/// The only writer of iopub. What it is given is sent in that order; text is gathered while text was sent a moment ago.
///
/// Memory is bounded: whoever gives it more than clients read has to wait. A client that reads nothing for seconds
/// loses messages, so that the others go on; the end of the request's output then says so.
final class Publisher: Sendable {
    private enum Item: Sendable {
        case text(parent: [UInt8], OutputStream, String)
        case message(type: String, parent: [UInt8], content: [UInt8], metadata: [UInt8], buffers: [[UInt8]])
        case stop
    }

    private struct Queue {
        var items: [Item] = []
        var bytes = 0
        /// Something other than text waits, or much text.
        var isUrgent = false
        /// The thread lets text gather, and needs no bell unless something urgent comes.
        var isHolding = false
    }

    /// Text that follows other text sooner waits until so much time has passed…
    private static let hold = Duration.milliseconds(5)
    /// …or until there is so much of it, which is also the most in one message.
    private static let chunk = 128 << 10
    /// More than this must not wait to be sent: 50 ms of printing.
    private static let highWater = 4 << 20

    private let queue = Mutex(Queue())
    private let bell = Bell()
    /// Rung while there is room below the high-water mark.
    private let room = Bell()
    private let thread = Mutex<KernelThread?>(nil)
    private let patience: Int32

    /// `patience`: for how many milliseconds a client that does not read may keep all the others waiting.
    init(socket: ZeroMQSocket, session: Session, patience: Int32 = 5000) {
        self.patience = patience
        room.ring()
        let iopub = IOPubSocket(socket: socket, session: session, patience: patience)
        thread.withLock { $0 = KernelThread("iopub") { self.run(iopub) } }
    }

    /// Never waits: control must answer, and interrupt, also while a cell prints more than anybody reads.
    func status(_ state: Status.State, parent: [UInt8]) { post(Status(state), parent: parent) }

    func publish(_ content: some OutgoingContent, parent: [UInt8], metadata: JSON = [:], buffers: [[UInt8]] = []) {
        waitForRoom()
        post(content, parent: parent, metadata: metadata, buffers: buffers)
    }

    private func post(_ content: some OutgoingContent, parent: [UInt8], metadata: JSON = [:], buffers: [[UInt8]] = []) {
        let bytes = content.serialized()
        let metadata = metadata == [:] ? emptyObject : JSONText.encode(metadata)
        let type = Swift.type(of: content).messageType
        queue.withLock { queue in
            queue.items.append(
                .message(type: type, parent: parent, content: bytes, metadata: metadata, buffers: buffers))
            queue.isUrgent = true
            added(bytes.count + buffers.reduce(0) { $0 + $1.count }, to: &queue)
        }
    }

    func text(_ text: String, on stream: OutputStream, parent: [UInt8]) {
        guard !text.isEmpty else { return }
        waitForRoom()
        queue.withLock { queue in
            if case .text(parent, stream, let earlier)? = queue.items.last, earlier.utf8.count < Self.chunk {
                queue.items.removeLast()
                queue.items.append(.text(parent: parent, stream, earlier + text))
            } else {
                queue.items.append(.text(parent: parent, stream, text))
            }
            if queue.bytes + text.utf8.count >= Self.chunk { queue.isUrgent = true }
            added(text.utf8.count, to: &queue)
        }
    }

    /// Sends what is to be sent and closes the socket.
    func stop() {
        queue.withLock { queue in
            queue.items.append(.stop)
            queue.isUrgent = true
            added(0, to: &queue)
        }
        thread.withLock { _ = $0?.join(milliseconds: patience + 2000) }
    }

    private func added(_ bytes: Int, to queue: inout Queue) {
        queue.bytes += bytes
        if queue.bytes > Self.highWater { room.silence() }
        if queue.isUrgent || !queue.isHolding { bell.ring() }
    }

    /// Waits while too much waits to be sent; not when the user wants the work to end.
    private func waitForRoom() {
        while !room.wait(milliseconds: 100), !Interruption.isRequested {}
    }

    private func run(_ iopub: IOPubSocket) {
        defer { iopub.socket.close() }
        let clock = ContinuousClock()
        var textWasSent = clock.now - Self.hold
        var wait = -1
        while iopub.socket.wait(or: bell, milliseconds: wait) {
            iopub.welcome()
            let passed = clock.now - textWasSent
            let items: [Item] = queue.withLock { queue in
                bell.silence()
                queue.isHolding = !queue.items.isEmpty && !queue.isUrgent && passed < Self.hold
                guard !queue.isHolding else { return [] }
                defer {
                    queue = Queue()
                    room.ring()
                }
                return queue.items
            }
            // Rounded up: a wait of 0 ms would go round and round.
            wait = items.isEmpty && passed < Self.hold ? Int((Self.hold - passed) / .milliseconds(1)) + 1 : -1
            for item in items {
                switch item {
                case .text(let parent, let stream, let text):
                    iopub.send(StreamText(name: stream.rawValue, text: text), parent: parent)
                    textWasSent = clock.now
                    wait = -1
                case .message(let type, let parent, let content, let metadata, let buffers):
                    iopub.send(type, parent: parent, content: content, metadata: metadata, buffers: buffers)
                case .stop: return
                }
            }
        }
    }
}
