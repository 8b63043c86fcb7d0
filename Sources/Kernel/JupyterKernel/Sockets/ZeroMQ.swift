internal import CZeroMQ
import Glibc

/// libzmq's I/O threads.
final class ZeroMQContext: @unchecked Sendable {
    // A context is the one thing in libzmq that any thread may use.
    fileprivate let pointer: UnsafeMutableRawPointer

    init() {
        guard let pointer = zmq_ctx_new() else { fatalError("libzmq cannot start: \(ZeroMQError.lastMessage())") }
        self.pointer = pointer
    }

    /// Makes every blocking call on this context's sockets return.
    func shutDown() { zmq_ctx_shutdown(pointer) }

    /// Waits until all sockets are closed and what they had to send is sent, or their linger time is over.
    func terminate() { zmq_ctx_term(pointer) }
}

/// A socket. It may be made on one thread and handed to another, but only one may ever use it at a time.
final class ZeroMQSocket: @unchecked Sendable {
    enum Kind {
        case router, dealer, xpub, sub, xsub, req
    }

    private let pointer: UnsafeMutableRawPointer

    init(_ kind: Kind, in context: ZeroMQContext) {
        let type =
            switch kind {
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            case .xpub: ZMQ_XPUB
            case .sub: ZMQ_SUB
            case .xsub: ZMQ_XSUB
            case .req: ZMQ_REQ
            }
        guard let pointer = zmq_socket(context.pointer, type) else {
            fatalError("libzmq has no more sockets: \(ZeroMQError.lastMessage())")
        }
        self.pointer = pointer
        // What was sent last (the reply to a shutdown) still goes out after the socket is closed.
        set(ZMQ_LINGER, 1000)
        // A larger frame ends its sender's connection. Widgets upload files in one.
        set(ZMQ_MAXMSGSIZE, wide: Int64(Self.mostBytes))
        // A client that comes back under its old name takes over its old place.
        if kind == .router { set(ZMQ_ROUTER_HANDOVER, 1) }
        // Subscriptions come to us and count once we have confirmed them.
        if kind == .xpub { set(ZMQ_XPUB_MANUAL, 1) }
    }

    /// What was sent still goes out, in the linger time; unless it is `abandoned`.
    func close(abandoned: Bool = false) {
        if abandoned { set(ZMQ_LINGER, 0) }
        zmq_close(pointer)
    }

    /// Before `bind`: takes only clients that know the public key which belongs to `secretKey` (in Z85).
    func encrypt(secretKey: String) throws(ZeroMQError) {
        set(ZMQ_CURVE_SERVER, 1)
        guard zmq_setsockopt(pointer, ZMQ_CURVE_SECRETKEY, secretKey, secretKey.utf8.count + 1) == 0 else {
            throw ZeroMQError("cannot encrypt connections with the key in the connection file")
        }
    }

    func bind(_ endpoint: String) throws(ZeroMQError) {
        guard zmq_bind(pointer, endpoint) == 0 else { throw ZeroMQError("cannot listen on \(endpoint)") }
    }

    func connect(_ endpoint: String) throws(ZeroMQError) {
        guard zmq_connect(pointer, endpoint) == 0 else { throw ZeroMQError("cannot connect to \(endpoint)") }
    }

    /// For xpub: confirms the last subscription that was received. For sub: subscribes.
    func subscribe(to topic: [UInt8]) { zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, topic, topic.count) }

    func unsubscribe(from topic: [UInt8]) { zmq_setsockopt(pointer, ZMQ_UNSUBSCRIBE, topic, topic.count) }

    /// Whether an xpub socket loses messages to a client that does not read (and goes on with the others), or waits.
    func setLossy(_ isLossy: Bool) { set(ZMQ_XPUB_NODROP, isLossy ? 0 : 1) }

    /// The name by which a router knows this socket.
    func setIdentity(_ identity: [UInt8]) { zmq_setsockopt(pointer, ZMQ_ROUTING_ID, identity, identity.count) }

    /// How many messages may wait to be received, on this side of the connection.
    func limitReceiving(messages: Int32) { set(ZMQ_RCVHWM, messages) }

    func setSendTimeout(milliseconds: Int32) { set(ZMQ_SNDTIMEO, milliseconds) }

    private func set(_ option: Int32, _ value: Int32) { set(option, bytesOf: value) }
    private func set(_ option: Int32, wide value: Int64) { set(option, bytesOf: value) }

    private func set(_ option: Int32, bytesOf value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { bytes in
            guard zmq_setsockopt(pointer, option, bytes.baseAddress, bytes.count) == 0 else {
                fatalError("libzmq refuses option \(option): \(ZeroMQError.lastMessage())")
            }
        }
    }

    /// Sends one message of several frames. False if the first could not be sent: the peer is full, or we are ending.
    @discardableResult
    func send(_ frames: [[UInt8]]) -> Bool {
        for (index, frame) in frames.enumerated() {
            guard send(frame, flags: index == frames.count - 1 ? 0 : ZMQ_SNDMORE) else { return false }
        }
        return true
    }

    private func send(_ frame: [UInt8], flags: Int32) -> Bool {
        if frame.count < Self.worthSharing {
            while zmq_send(pointer, frame, frame.count, flags) < 0 { guard errno == EINTR else { return false } }
            return true
        }
        // libzmq sends the array's own memory, and lets go of it in `free`: no copy of a large picture.
        final class Box {
            let frame: [UInt8]
            init(_ frame: [UInt8]) { self.frame = frame }
        }
        let box = Unmanaged.passRetained(Box(frame))
        var message = zmq_msg_t()
        frame.withUnsafeBytes { bytes in
            let data = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
            _ = zmq_msg_init_data(
                &message, data, bytes.count, { _, box in Unmanaged<Box>.fromOpaque(box!).release() }, box.toOpaque())
        }
        while zmq_msg_send(&message, pointer, flags) < 0 {
            guard errno == EINTR else {
                zmq_msg_close(&message)
                return false
            }
        }
        return true
    }

    /// From so many bytes on a copy costs more than sharing does.
    private static let worthSharing = 64 << 10

    /// The most that a message may have. More is read, because the next message lies behind it, and thrown away.
    static let mostFrames = 1000
    static let mostBytes = 1 << 29

    /// The next message if there is one; no frames if it is too large.
    func receive() -> [[UInt8]]? {
        var frames: [[UInt8]] = []
        var bytes = 0
        var isFirst = true
        var isTooLarge = false
        while true {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            while zmq_msg_recv(&message, pointer, isFirst ? ZMQ_DONTWAIT : 0) < 0 {
                guard errno == EINTR else { return nil }
            }
            isFirst = false
            bytes += zmq_msg_size(&message)
            isTooLarge = isTooLarge || frames.count == Self.mostFrames || bytes > Self.mostBytes
            if isTooLarge {
                frames = []
            } else {
                frames.append(
                    [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
            }
            if zmq_msg_more(&message) == 0 { return frames }
        }
    }

    /// Waits until a message can be received, `bell` rings, or `milliseconds` have passed (-1: however long it takes).
    /// False when the context was shut down.
    func wait(or bell: Bell? = nil, milliseconds: Int = -1) -> Bool {
        var items = [
            zmq_pollitem_t(socket: pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
            zmq_pollitem_t(socket: nil, fd: bell?.descriptor ?? -1, events: Int16(ZMQ_POLLIN), revents: 0),
        ]
        return zmq_poll(&items, bell == nil ? 1 : 2, milliseconds) >= 0 || errno == EINTR
    }

    /// Sends back whatever comes, until the context is shut down.
    func echo() { zmq_proxy(pointer, pointer, nil) }
}

struct ZeroMQError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String) {
        description = "\(what): \(Self.lastMessage())"
    }

    static func lastMessage() -> String { String(cString: zmq_strerror(zmq_errno())) }
}
