public import Display
public import JupyterWire
public import Logging
import Synchronization

/// A Jupyter kernel: five sockets, a table of messages, and an interpreter that knows the language.
///
///     let capture = try OutputCapture()
///     let kernel = try Kernel(
///         connection: try ConnectionFile(path: path), interpreter: interpreter,
///         implementation: .init(name: "swift-lab", version: "1.0"), capture: capture, logger: logger)
///     Display.frontend = kernel.frontend
///     kernel.interruptOnSignal()
///     kernel.run()                // returns after shutdown
public final class Kernel: Sendable {
    /// What the kernel tells clients of itself.
    public struct Implementation: Sendable {
        public var name: String
        public var version: String
        /// Entries of the front end's help menu: text and address.
        public var helpLinks: [(text: String, url: String)]

        public init(name: String, version: String, helpLinks: [(text: String, url: String)] = []) {
            self.name = name
            self.version = version
            self.helpLinks = helpLinks
        }
    }

    let connection: ConnectionFile
    let interpreter: any Interpreter
    let implementation: Implementation
    let logger: Logger
    let session: Session
    let publisher: Publisher
    let input: StandardInput
    let history: History
    let comms: Comms
    let cells: CellRunner
    private let context = ZeroMQContext()
    private let shellChannel: Channel
    private let controlChannel: Channel
    private let stdinChannel: Channel
    private let heartbeat: Heartbeat
    private let capture: OutputCapture?
    let current: CurrentOutput
    private let stopping = Bell()

    /// Takes the ports of `connection`; clients can connect from now on and are answered once the kernel runs.
    ///
    /// - Parameters:
    ///   - capture: where the process's output is caught; without it, only what goes through `CellOutput` is shown.
    ///   - historyFile: where cells are kept across sessions; `nil` keeps this session's in memory.
    /// - Throws: a sentence that names the address on which it cannot listen.
    public init(
        connection: ConnectionFile, interpreter: any Interpreter, implementation: Implementation,
        capture: OutputCapture? = nil, historyFile: String? = nil, logger: Logger
    ) throws {
        self.connection = connection
        self.interpreter = interpreter
        self.implementation = implementation
        self.capture = capture
        self.logger = logger
        session = Session(key: connection.key)

        let context = context
        func socket(_ kind: ZeroMQSocket.Kind, _ channel: ConnectionFile.Channel) throws -> ZeroMQSocket {
            let socket = ZeroMQSocket(kind, in: context)
            if let key = connection.curveSecretKey { try socket.encrypt(secretKey: key) }
            try socket.bind(connection.endpoint(of: channel))
            return socket
        }
        let shell: ZeroMQSocket
        let control: ZeroMQSocket
        let stdin: ZeroMQSocket
        let iopub: ZeroMQSocket
        let heart: ZeroMQSocket
        do {
            shell = try socket(.router, .shell)
            control = try socket(.router, .control)
            stdin = try socket(.router, .stdin)
            iopub = try socket(.xpub, .iopub)
            heart = try socket(.router, .heartbeat)
        } catch {
            // Nobody would see what the caller prints about it.
            capture?.stop()
            throw error
        }
        heartbeat = Heartbeat(heart)
        publisher = Publisher(socket: iopub, session: session)
        shellChannel = Channel("shell", socket: shell, session: session, logger: logger)
        controlChannel = Channel("control", socket: control, session: session, logger: logger)
        stdinChannel = Channel("stdin", socket: stdin, session: session, logger: logger)
        input = StandardInput(channel: stdinChannel, session: session)
        history = History(path: historyFile, logger: logger)
        comms = Comms(logger: logger)
        let current = CurrentOutput(
            CellPublisher(parent: nil, publisher: publisher, interpreter: interpreter, capture: capture),
            interpreter: interpreter)
        self.current = current
        cells = CellRunner(
            interpreter: interpreter, input: input, capture: capture, history: history, current: current)
        capture?.passPrinted(shieldedBy: interpreter) { stream, bytes in
            current.ofCaller.stream(stream, bytes: bytes)
        }
    }

    /// Sends what a program displays to the clients, below the cell that it belongs to.
    public var frontend: any Frontend { NotebookFrontend(current: current, comms: comms) }

    /// Asks the running cell to stop. Nothing happens while none runs.
    public func interrupt() { cells.interrupt() }

    /// Interrupts at SIGINT from now on.
    public func interruptOnSignal() { InterruptSignal.start { self.interrupt() } }

    /// Makes `run` return.
    public func shutdown() { stopping.ring() }

    /// Answers clients until one of them, or `shutdown`, or the end of the parent process ends it.
    public func run() {
        publisher.status(.starting, parent: emptyObject)
        let shells = Shells()
        let shellHandlers = shellHandlers(shells)
        let controlHandlers = controlHandlers(shells)
        controlChannel.start { message in
            guard let handler = self.handler(of: message, in: controlHandlers, on: "control") else { return }
            self.request(message, on: self.controlChannel).serve(handler)
        }
        shellChannel.start { message in
            guard let handler = self.handler(of: message, in: shellHandlers, on: "shell") else { return }
            let request = self.request(message, on: self.shellChannel)
            do {
                try shells.shell(message.header.subshellID).post(request, handler)
            } catch {
                request.serve { _ in throw error }
            }
        }
        stdinChannel.start { message in
            do {
                try self.input.receive(message)
            } catch {
                self.logger.warning("stdin: a message was ignored, because \(error)")
            }
        }
        ParentWatch.start(stopping: stopping) {
            self.logger.notice("The program that started this kernel is gone; the kernel ends.")
            self.shutdown()
        }

        stopping.wait()
        interrupt()
        shells.stop()
        interpreter.shutdown()
        for channel in [shellChannel, controlChannel, stdinChannel] { channel.stop() }
        publisher.stop()
        context.shutDown()
        heartbeat.join()
        // What was sent last is still on its way. It need not arrive: nothing holds up the end for more than moments.
        KernelThread("end") { self.context.terminate() }.join(milliseconds: 2000)
        capture?.stop()
    }

    private func request(_ message: Message, on channel: Channel) -> Request {
        Request(message: message, channel: channel, publisher: publisher, session: session, logger: logger)
    }

    private func handler(of message: Message, in handlers: [String: Handler], on channel: String) -> Handler? {
        let handler = handlers[message.type]
        if handler == nil {
            logger.warning("\(channel): \(message.type.debugDescription) was ignored, because its type is unknown")
        }
        return handler
    }
}
