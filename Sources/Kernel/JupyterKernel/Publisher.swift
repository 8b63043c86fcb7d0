internal import Display
internal import JupyterWire
import Synchronization

/// The only writer of iopub. What it is given is sent in that order; text is gathered while text was sent a moment ago.
///
/// Memory is bounded: whoever gives it more than clients read has to wait. A client that reads nothing for seconds
/// loses messages, so that the others go on; the end of the request's output then says so.
final class Publisher: Sendable {
    private enum Item: Sendable {
        case text(Text)
        case message(type: String, parent: [UInt8], content: [UInt8], metadata: [UInt8], buffers: [[UInt8]])
        case stop
    }

    /// Printed text as bytes: it comes in pieces that may end within a character, and is decoded once.
    private struct Text {
        var parent: [UInt8]
        var stream: OutputStream
        var bytes: [UInt8]
    }

    private struct Queue {
        var items: [Item] = []
        /// The text behind `items` that more may be added to.
        var open: Text?
        var bytes = 0
        /// Something other than text waits, or much text.
        var isUrgent = false
        /// The thread lets text gather, and needs no bell unless something urgent comes.
        var isHolding = false
        /// The same while the last line has no end yet, which rings: `print` writes a line and its end one after the
        /// other.
        var isHoldingLine = false
        /// The bell was rung since the thread last looked.
        var hasRung = false

        var isInLine: Bool { open.map { $0.bytes.last != UInt8(ascii: "\n") } ?? false }

        /// Makes the open text an item, whole, or without the character at its end that is not complete yet.
        mutating func close(keepingIncomplete: Bool) {
            guard var text = open else { return }
            open = nil
            let end = keepingIncomplete ? completeEnd(of: text.bytes) : text.bytes.count
            if end < text.bytes.count {
                open = Text(parent: text.parent, stream: text.stream, bytes: Array(text.bytes[end...]))
                text.bytes.removeSubrange(end...)
            }
            if end > 0 { items.append(.text(text)) }
        }

        /// Everything that can be sent.
        mutating func take() -> [Item] {
            close(keepingIncomplete: true)
            let taken = items
            self = Queue(open: open, bytes: open?.bytes.count ?? 0)
            return taken
        }
    }

    /// Text that follows other text sooner waits until so much time has passed…
    private static let hold = Duration.milliseconds(5)
    /// …or until there is so much of it, which is also the most in one message.
    private static let chunk = 128 << 10
    /// More than this must not wait to be sent: 50 ms of printing.
    private static let highWater = 4 << 20

    private let queue = Mutex(Queue())
    private let bell = Bell()
    /// Rung while there is room below the high-water mark. `isFull` says the same to those who ask at every line.
    private let room = Bell()
    private let isFull = Atomic<Bool>(false)
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
            // What another request publishes may come in the middle of a character.
            queue.close(keepingIncomplete: queue.open?.parent != parent)
            queue.items.append(
                .message(type: type, parent: parent, content: bytes, metadata: metadata, buffers: buffers))
            queue.isUrgent = true
            added(bytes.count + buffers.reduce(0) { $0 + $1.count }, to: &queue)
        }
    }

    /// Publishes printed text, which need not end with a whole character.
    func text(_ text: UnsafeRawBufferPointer, on stream: OutputStream, parent: [UInt8]) {
        guard !text.isEmpty else { return }
        waitForRoom()
        queue.withLock { queue in
            if let open = queue.open {
                let goesOn = open.stream == stream && open.parent == parent
                if !goesOn || open.bytes.count >= Self.chunk { queue.close(keepingIncomplete: goesOn) }
            }
            if queue.open == nil { queue.open = Text(parent: parent, stream: stream, bytes: []) }
            text.withMemoryRebound(to: UInt8.self) { queue.open!.bytes.append(contentsOf: $0) }
            if queue.bytes + text.count >= Self.chunk { queue.isUrgent = true }
            added(text.count, to: &queue)
        }
    }

    /// Sends what is to be sent and closes the socket.
    func stop() {
        queue.withLock { queue in
            queue.close(keepingIncomplete: false)
            queue.items.append(.stop)
            queue.isUrgent = true
            added(0, to: &queue)
        }
        thread.withLock { _ = $0?.join(milliseconds: patience + 2000) }
    }

    private func added(_ bytes: Int, to queue: inout Queue) {
        queue.bytes += bytes
        if queue.bytes > Self.highWater, !isFull.exchange(true, ordering: .relaxed) { room.silence() }
        let wakes = queue.isUrgent || (queue.isHoldingLine ? !queue.isInLine : !queue.isHolding)
        guard wakes, !queue.hasRung else { return }
        queue.hasRung = true
        bell.ring()
    }

    /// Waits while too much waits to be sent; not when the user wants the work to end.
    private func waitForRoom() {
        while isFull.load(ordering: .relaxed), !Interruption.isRequested { room.wait(milliseconds: 100) }
    }

    private func run(_ iopub: IOPubSocket) {
        defer { iopub.socket.close() }
        let clock = ContinuousClock()
        var textWasSent = clock.now - Self.hold
        /// Since when the last line lacks its end.
        var lineBegan: ContinuousClock.Instant?
        var wait = -1
        while iopub.socket.wait(or: bell, milliseconds: wait) {
            iopub.welcome()
            let now = clock.now
            var passed = now - textWasSent
            let items: [Item] = queue.withLock { queue in
                bell.silence()
                queue.hasRung = false
                queue.isHoldingLine = false
                lineBegan = queue.isInLine ? lineBegan ?? now : nil
                if let lineBegan, passed >= Self.hold {
                    passed = now - lineBegan
                    queue.isHoldingLine = !queue.isUrgent && passed < Self.hold
                }
                queue.isHolding = queue.bytes > 0 && !queue.isUrgent && passed < Self.hold
                guard !queue.isHolding else { return [] }
                lineBegan = nil
                if isFull.exchange(false, ordering: .relaxed) { room.ring() }
                return queue.take()
            }
            // Rounded up: a wait of 0 ms would go round and round.
            wait = items.isEmpty && passed < Self.hold ? Int((Self.hold - passed) / .milliseconds(1)) + 1 : -1
            for item in items {
                switch item {
                case .text(let text):
                    // Bytes that are no UTF-8 are replaced.
                    let printed = String(decoding: text.bytes, as: UTF8.self)
                    iopub.send(StreamText(name: text.stream.rawValue, text: printed), parent: text.parent)
                    textWasSent = clock.now
                case .message(let type, let parent, let content, let metadata, let buffers):
                    iopub.send(type, parent: parent, content: content, metadata: metadata, buffers: buffers)
                case .stop: return
                }
            }
        }
    }
}

/// Where the last whole character of UTF-8 `bytes` ends. Bytes that can never be part of one count as whole.
func completeEnd(of bytes: some RandomAccessCollection<UInt8>) -> Int {
    for length in 1...3 where length <= bytes.count {
        let byte = bytes[bytes.index(bytes.endIndex, offsetBy: -length)]
        guard byte & 0xC0 == 0x80 else {
            // A first byte: how many does it announce?
            let announced =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            return announced > length ? bytes.count - length : bytes.count
        }
    }
    return bytes.count
}
