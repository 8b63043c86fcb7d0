import Display
import EchoInterpreter
import Foundation
import JupyterWire
import Logging
import Synchronization
import Testing

@testable import JupyterKernel

/// An echo kernel on sockets in a temporary folder, and a client that is connected to it.
final class TestClient: @unchecked Sendable {
    let connection: ConnectionFile
    let kernel: Kernel
    let interpreter: EchoInterpreter
    let session: Session
    let log: RecordedLog
    let shell: ZeroMQSocket
    let control: ZeroMQSocket
    let stdin: ZeroMQSocket
    let iopub: ZeroMQSocket
    private let context: ZeroMQContext
    private let folder: URL
    private let running: KernelThread
    private var published: [Received] = []
    private var replies: [String: Received] = [:]

    /// How long a test waits for what should come at once before it fails.
    static let patience = 10_000

    init(key: String = "secret", interpreter: EchoInterpreter = EchoInterpreter(), historyFile: String? = nil) throws {
        self.interpreter = interpreter
        folder = FileManager.default.temporaryDirectory.appending(path: "echo-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let ports = zip(ConnectionFile.Channel.allCases, 1...).map { ($0, $1) }
        let connection = ConnectionFile(
            transport: "ipc", address: folder.appending(path: "s").path, ports: Dictionary(uniqueKeysWithValues: ports),
            key: key)
        self.connection = connection
        let log = RecordedLog()
        self.log = log
        let kernel = try Kernel(
            connection: connection, interpreter: interpreter, implementation: .init(name: "echo", version: "1"),
            historyFile: historyFile, logger: Logger(label: "test") { _ in log })
        self.kernel = kernel
        session = Session(key: key)
        running = KernelThread("kernel") { kernel.run() }

        let context = ZeroMQContext()
        self.context = context
        // The identity by which the kernel asks for input on stdin whoever asked on shell.
        let identity = Array(UUID().uuidString.utf8)
        func connected(_ channel: ConnectionFile.Channel) throws -> ZeroMQSocket {
            let socket = ZeroMQSocket(channel == .iopub ? .sub : .dealer, in: context)
            if channel != .iopub { socket.setIdentity(identity) }
            try socket.connect(connection.endpoint(of: channel))
            return socket
        }
        shell = try connected(.shell)
        control = try connected(.control)
        stdin = try connected(.stdin)
        iopub = try connected(.iopub)
        iopub.subscribe(to: [])
        #expect(try next(on: iopub).type == "iopub_welcome")
    }

    /// Ends the kernel; true if it went in time.
    @discardableResult
    func end() -> Bool {
        kernel.shutdown()
        return hasEnded()
    }

    func hasEnded() -> Bool { running.join(milliseconds: Int32(Self.patience)) }

    deinit {
        end()
        for socket in [shell, control, stdin, iopub] { socket.close(abandoned: true) }
        context.terminate()
        try? FileManager.default.removeItem(at: folder)
    }

    func socket(_ kind: ZeroMQSocket.Kind) -> ZeroMQSocket { ZeroMQSocket(kind, in: context) }

    // MARK: Sending

    /// Sends a request and returns its id.
    @discardableResult
    func send(
        _ type: String, _ content: JSON = [:], on socket: ZeroMQSocket? = nil, subshell: String? = nil,
        parent: [UInt8] = emptyObject, buffers: [[UInt8]] = []
    ) -> String {
        var message = session.message(
            type, identities: [], parent: parent, content: JSONText.encode(content), buffers: buffers)
        message.header.subshellID = subshell
        message.headerBytes = JSONText.encode(message.header)
        (socket ?? shell).send(session.frames(of: message))
        return message.header.messageID
    }

    @discardableResult
    func execute(_ code: String, _ options: [String: JSON] = [:], subshell: String? = nil) -> String {
        let content = options.merging(["code": .string(code)]) { option, _ in option }
        return send("execute_request", .object(content), subshell: subshell)
    }

    // MARK: Receiving

    struct Received {
        var type: String
        var header: Header
        var parent: String?
        var content: JSON
        var metadata: JSON
        var buffers: [[UInt8]]
    }

    struct Silence: Error, CustomStringConvertible {
        var description: String { "nothing came" }
    }

    /// The next message on a socket. Throws when none comes, or one that is signed wrongly.
    func next(
        on socket: ZeroMQSocket, session: Session? = nil, milliseconds: Int = patience
    ) throws -> Received {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            if let frames = socket.receive() {
                let message = try (session ?? self.session).message(from: frames)
                return Received(
                    type: message.type, header: message.header, parent: message.parent?.messageID,
                    content: try JSONText.decode(JSON.self, from: message.contentBytes, part: "content"),
                    metadata: try JSONText.decode(JSON.self, from: message.metadataBytes, part: "metadata"),
                    buffers: message.buffers)
            }
            guard ContinuousClock.now < end else { throw Silence() }
            _ = socket.wait(milliseconds: 100)
        }
    }

    /// The reply to a request; replies to others that come before are kept.
    func reply(to id: String, on socket: ZeroMQSocket? = nil) throws -> Received {
        while true {
            if let reply = replies.removeValue(forKey: id) { return reply }
            let reply = try next(on: socket ?? shell)
            replies[reply.parent ?? ""] = reply
        }
    }

    /// What was published for a request, from `busy` to `idle`.
    func publications(of id: String) throws -> [Received] {
        func isIdle(_ message: Received) -> Bool {
            message.parent == id && message.content["execution_state"] == "idle"
        }
        while !published.contains(where: isIdle) { published.append(try next(on: iopub)) }
        let end = published.firstIndex(where: isIdle)!
        let mine = published[...end].filter { $0.parent == id }
        published = published[...end].filter { $0.parent != id } + published[(end + 1)...]
        return mine
    }

    /// The next publication that is not yet taken and fulfils a condition.
    func publication(where isWanted: (Received) -> Bool) throws -> Received {
        while true {
            if let index = published.firstIndex(where: isWanted) { return published.remove(at: index) }
            published.append(try next(on: iopub))
        }
    }

    /// Runs a cell to its end: its reply and what it published between `busy` and `idle`.
    func run(_ code: String, _ options: [String: JSON] = [:]) throws -> (reply: Received, published: [Received]) {
        let id = execute(code, options)
        let reply = try reply(to: id)
        let all = try publications(of: id)
        #expect(all.first?.content == ["execution_state": "busy"])
        return (reply, Array(all.dropFirst().dropLast()))
    }

    /// A cell that runs until it is interrupted. Returns once it does run.
    func startEndlessCell() throws -> String {
        let id = execute("sleep-until-interrupted")
        _ = try publication { $0.parent == id && $0.type == "stream" }
        return id
    }
}

extension [TestClient.Received] {
    var types: [String] { map(\.type) }

    /// The text that was printed to one stream.
    func text(_ stream: String = "stdout") -> String {
        filter { $0.type == "stream" && $0.content["name"] == .string(stream) }.map {
            if case .string(let text)? = $0.content["text"] { text } else { "" }
        }.joined()
    }
}

/// Keeps what the kernel logs.
final class RecordedLog: LogHandler, Sendable {
    private let state = Mutex<[String]>([])

    var lines: [String] { state.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .debug }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) { state.withLock { $0.append("\(event.message)") } }
}
