internal import JupyterWire

/// The iopub socket: names, signs and sends for the publisher's thread, confirms subscriptions, and leaves out clients that
/// do not read.
final class IOPubSocket: @unchecked Sendable {
    let socket: ZeroMQSocket
    private let session: Session
    /// Bytes that were published since a client was found not to read; `nil` while all do.
    private var missing: Int?

    init(socket: ZeroMQSocket, session: Session, patience: Int32) {
        self.socket = socket
        self.session = session
        socket.setLossy(false)
        socket.setSendTimeout(milliseconds: patience)
    }

    /// Confirms the subscriptions that have come.
    func welcome() {
        while let event = socket.receive()?.first {
            let topic = Array(event.dropFirst())
            switch event.first {
            case 1:
                socket.subscribe(to: topic)
                let content = IOPubWelcome(subscription: String(decoding: topic, as: UTF8.self))
                send(session.message(IOPubWelcome.messageType, identities: [topic], content: content.serialized()))
            case 0: socket.unsubscribe(from: topic)
            default: continue
            }
        }
    }

    func send(_ content: some OutgoingContent, parent: [UInt8]) {
        send(type(of: content).messageType, parent: parent, content: content.serialized())
    }

    func send(
        _ type: String, parent: [UInt8], content: [UInt8], metadata: [UInt8] = emptyObject, buffers: [[UInt8]] = []
    ) {
        if let bytes = missing, type == Status.messageType, content == Self.idle {
            missing = nil
            let notice = "[A client stopped reading: up to \(bytes) bytes of this output are missing in it.]\n"
            send(StreamText(name: "stderr", text: notice), parent: parent)
        }
        send(
            session.message(
                type, identities: [Array(type.utf8)], parent: parent, metadata: metadata, content: content,
                buffers: buffers))
    }

    private static let idle = Status(.idle).serialized()

    private func send(_ message: Message) {
        let frames = session.frames(of: message)
        if !socket.send(frames) {
            // From here on libzmq leaves that client out, until it has read half of what waits for it.
            socket.setLossy(true)
            socket.send(frames)
            socket.setLossy(false)
            missing = missing ?? 0
        }
        missing = missing.map { $0 + message.contentBytes.count }
    }
}
