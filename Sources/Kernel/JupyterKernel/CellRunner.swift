internal import Display
internal import JupyterWire
internal import Logging
import Synchronization

/// Runs cells, one after the other, and tells the clients what came of them.
final class CellRunner: Sendable {
    private struct State {
        var executionCount = 0
        /// Cells and callbacks that run now.
        var running = 0
    }

    private let interpreter: any Interpreter
    private let input: StandardInput
    private let capture: OutputCapture?
    private let history: History
    private let current: CurrentOutput
    private let state = Mutex(State())
    private let beginning = Mutex<Void>(())

    init(
        interpreter: any Interpreter, input: StandardInput, capture: OutputCapture?, history: History,
        current: CurrentOutput
    ) {
        self.interpreter = interpreter
        self.input = input
        self.capture = capture
        self.history = history
        self.current = current
    }

    /// Serves an `execute_request`. `waiting` is asked after a failure that stops the cells behind it: it takes those out
    /// of their line, and they are answered as aborted.
    func run(_ request: Request, waiting: () -> [Request]) throws {
        let content: ExecuteRequest = try request.content()
        let started = Timestamp.now()
        let count = state.withLock { state in
            if content.storesHistory { state.executionCount += 1 }
            return state.executionCount
        }
        let output = CellPublisher(
            parent: request.message, publisher: request.publisher, interpreter: interpreter, capture: capture,
            input: content.allowsInput ? input : nil, isSilent: content.isSilent)
        let cell = Cell(
            code: content.code, executionCount: count, isSilent: content.isSilent, allowsInput: content.allowsInput)
        let (outcome, values) = run(cell, evaluating: content.userExpressions, output: output)

        var reply: ExecuteReply
        var result: String?
        var aborted: [Request] = []
        switch outcome {
        case .success(let bundle):
            result = bundle?.text
            reply = .ok(executionCount: count, userExpressions: values, payload: output.takePayloads())
        case .failure(let failure):
            let failure = ErrorReply(failure)
            // Taken before any client can know of the failure: what is sent in answer to it is not aborted.
            if content.stopsOnError { aborted = waiting() }
            output.publish(ErrorReport(failure))
            reply = .error(failure, executionCount: count)
        }
        request.reply(reply, metadata: ["started": .string(started), "status": .string(reply.status.rawValue)])
        if content.storesHistory { history.add(line: count, input: content.code, output: result) }
        for request in aborted {
            request.serve { $0.reply(ExecuteReply.aborted(executionCount: count), metadata: ["status": "aborted"]) }
        }
    }

    /// Announces a cell, runs it to its end, publishes its value, and evaluates the client's expressions. All of it can
    /// be interrupted.
    private func run(
        _ cell: Cell, evaluating expressions: [String: String], output: CellPublisher
    ) -> (CellOutcome, [String: ExecuteReply.UserExpression]) {
        // Before clients hear of the cell: an interrupt that answers the announcement is for it. And it ends before they
        // have the reply: a comm message that answers that finds no cell running.
        begin(output, isCell: true)
        defer { end() }
        output.publish(ExecuteInput(code: cell.code, executionCount: cell.executionCount))
        return RunningCell.$output.withValue(output) {
            let outcome = interpreter.execute(cell, output: output)
            output.end()
            guard case .success(let bundle) = outcome else { return (outcome, [:]) }
            if let bundle { output.publish(ExecuteResult(bundle, executionCount: cell.executionCount)) }
            return (outcome, expressions.mapValues(evaluate))
        }
    }

    private func evaluate(_ expression: String) -> ExecuteReply.UserExpression {
        switch interpreter.evaluate(expression) {
        case .success(let bundle): .value(bundle ?? MimeBundle(contents: [:]))
        case .failure(let failure): .failure(ErrorReply(failure))
        }
    }

    /// Runs a callback for a comm message: what it prints and displays belongs to that message. It may be called while a
    /// cell runs, from a subshell.
    func perform(_ callback: @escaping @Sendable () -> Void, for request: Request) {
        let output = CellPublisher(
            parent: request.message, publisher: request.publisher, interpreter: interpreter, capture: capture)
        begin(output, isCell: false)
        defer { end() }
        let outcome = RunningCell.$output.withValue(output) { interpreter.perform(callback, output: output) }
        output.end()
        if case .failure(let failure) = outcome { output.publish(ErrorReport(ErrorReply(failure))) }
    }

    /// Notes that a cell or a callback starts. Text that goes past the C library carries no mark of its origin: it is
    /// taken for the cell's, and for a callback's where nothing else runs.
    private func begin(_ output: CellPublisher, isCell: Bool) {
        // A callback may begin at the same moment. Two locks: text that is passed on may wait for slow clients, and an
        // interrupt ends that.
        beginning.withLock { _ in
            let takesOver = state.withLock { state in
                state.running += 1
                // An interrupt that came before, and that a callback may not have heeded yet, must not end the cell.
                if isCell { interpreter.forgetInterrupt() }
                let takesOver = isCell || state.running == 1
                if takesOver { Interruption.reset() }
                return takesOver
            }
            guard takesOver else { return }
            capture?.redirect(to: { output.stream($0, bytes: $1) })
            current.running = output
        }
    }

    private func end() {
        capture?.drain()
        state.withLock { $0.running -= 1 }
    }

    /// Asks the running cell, or callback, to stop. Nothing happens while none runs.
    func interrupt() {
        let isRunning = state.withLock { state in
            if state.running > 0 { Interruption.request() }
            return state.running > 0
        }
        guard isRunning else { return }
        input.interrupt()
        interpreter.interrupt()
    }
}

extension ErrorReply {
    init(_ failure: CellFailure) {
        self.init(name: failure.name, value: failure.message, traceback: failure.traceback)
    }
}
