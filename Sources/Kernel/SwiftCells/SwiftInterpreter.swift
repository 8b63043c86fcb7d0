internal import CCells
import CellRuntime
import Display
@preconcurrency import Glibc
import JupyterKernel
import Synchronization

/// Swift cells for the kernel: each is compiled by the toolchain's compiler, loaded into this process and run there.
///
/// The way of a cell: `CellSyntax` reads it, `NameTable` says which earlier cells it needs, `CellSource` writes what is
/// compiled, `CellCompiler` makes a shared object, `CellThreads` runs it, and here its end becomes an outcome.
public final class SwiftInterpreter: Interpreter {
    let toolchain: Toolchain
    let compiler: CellCompiler
    private let threads: CellThreads
    private let assistant: CodeAssistant
    private let conformances = Conformances()
    private let session = Mutex(Session())
    /// Where what a cell shows goes, by module number: a thread that it has left behind may show something at any time.
    private static let outputs = Mutex<[Int: any CellOutput]>([:])
    private let folder: SessionFolder
    /// The program was built with the compiler that the cells are built with.
    private static let swiftVersion = "6.3"
    /// Runs what the user asks of other programs.
    let tool = Subprocess()

    private struct Session {
        /// The number of the newest module. Not the execution count: silent cells are modules too.
        var newest = 0
        /// The number of the newest callback. Apart from those of modules: a compiler waits for the next of them.
        var newestCallback = 1 << 15
        var names = NameTable()
        /// What the user calls a cell, by module number.
        var labels: [Int: String] = [:]
        var isInterrupted = false
        var running: CellRecord?
        var optimizesCells = false
        /// How long the newest cell was compiled, in seconds.
        var compileTime = 0.0
        /// The types that are actors.
        var actors: Set<String> = []
        /// What was run, in order.
        var inputs: [(label: String, code: String)] = []
    }

    /// Once a process.
    ///
    /// - Parameters:
    ///   - standardError: where the last words go if a thread of the kernel's own fails, which ends the process.
    ///   - lateOutput: gets what there is to say of threads that failed after their cell had ended.
    /// - Throws: `ToolchainMissing`, or an error that says what the system refused.
    public init(
        standardError: Int32, lateOutput: @escaping @Sendable (String) -> Void
    ) throws {
        ccells_send_last_words_to(standardError)
        toolchain = try Toolchain()
        folder = try SessionFolder()
        compiler = try CellCompiler(
            toolchain: toolchain, folder: folder.path + "/cells", modules: ModulePaths.modules)
        assistant = CodeAssistant(toolchain: toolchain, compiler: compiler, modules: ModulePaths.modules)
        ccells_on_error(noteError)
        ccells_on_late_output { cell, descriptor, text, count in
            ccells_hold()
            defer { ccells_release() }
            guard let output = SwiftInterpreter.outputs.withLock({ $0[Int(cell)] }) else { return false }
            output.stream(
                descriptor == STDOUT_FILENO ? .stdout : .stderr,
                bytes: UnsafeRawBufferPointer(start: text, count: count))
            return true
        }
        CellExecutors.install()
        let toolchain = toolchain
        threads = try CellThreads { late in
            let trace = Backtrace(programCounters: late.frames, toolchain: toolchain) { "In[\($0)]" }
            let place = trace.frames.first.map { "\($0.label), line \($0.line)" } ?? "an earlier cell"
            lateOutput("A thread that \(place) had started failed: \(late.message(trace: trace))\n")
        }
        assistant.warmUpSoon(after: .seconds(1))
    }

    // MARK: Interpreter

    public var language: LanguageInfo {
        LanguageInfo(
            name: "swift", version: Self.swiftVersion, mimeType: "text/x-swift", fileExtension: ".swift",
            pygmentsLexer: "swift", codeMirrorMode: "swift")
    }

    public var banner: String {
        "Swift Lab: Swift \(Self.swiftVersion) in cells. `import Lab` for tensors, training and pictures."
    }

    public func execute(_ cell: Cell, output: any CellOutput) -> CellOutcome {
        threads.distributeReports()
        let label = "In[\(cell.executionCount)]"
        if !cell.isSilent { session.withLock { $0.inputs.append((label, cell.code)) } }
        onReadLine { prompt, isPassword in try output.readLine(prompt: prompt, isPassword: isPassword) }
        defer { onReadLine(nil) }
        do {
            if let magic = try Magic(cell.code) { return try run(magic, cell: cell, output: output) }
            let syntax = CellSyntax(cell.code)
            return syntax.isEmpty ? .success(nil) : try run(syntax, label: label, output: output)
        } catch let unknown as UnknownMagic {
            return .failure(CellFailure(name: "UnknownMagic", message: "\(unknown)"))
        } catch {
            return .failure(CellFailure(name: "KernelError", message: "\(error)"))
        }
    }

    public func forgetInterrupt() {
        session.withLock { $0.isInterrupted = false }
        compiler.forgetInterrupt()
        tool.forgetStop()
        Interruption.reset()
    }

    public func interrupt() {
        let running = session.withLock { session in
            session.isInterrupted = true
            return session.running
        }
        compiler.interrupt()
        tool.stop()
        running?.cancelTask()
        threads.interrupt()
    }

    public func complete(_ code: String, cursor: Int) -> Completions {
        assistant.complete(code, cursor: cursor, names: session.withLock { $0.names })
    }

    public func inspect(_ code: String, cursor: Int, detail: Int) -> MimeBundle? {
        assistant.inspect(code, cursor: cursor, detail: detail, names: session.withLock { $0.names })
    }

    public func completeness(of code: String) -> Completeness { Completeness(of: code) }

    public func evaluate(_ expression: String) -> CellOutcome {
        forgetInterrupt()
        let syntax = CellSyntax(expression)
        do {
            return try run(syntax, label: "expression")
        } catch {
            return .failure(CellFailure(name: "KernelError", message: "\(error)"))
        }
    }

    public func outputOfCallingThread() -> (any CellOutput)? {
        let cell = Int(ccells_cell_of_caller())
        return cell == 0 ? nil : Self.outputs.withLock { $0[cell] }
    }

    public func shielded<Result>(_ work: () throws -> Result) rethrows -> Result {
        ccells_hold()
        defer { ccells_release() }
        return try work()
    }

    public func shutdown() {
        compiler.shutdown()
        assistant.shutdown()
        folder.remove()
    }

    // MARK: What magics need

    var optimizesCells: Bool {
        get { session.withLock { $0.optimizesCells } }
        set { session.withLock { $0.optimizesCells = newValue } }
    }

    var compileTime: Double { session.withLock { $0.compileTime } }

    var inputs: [(label: String, code: String)] { session.withLock { $0.inputs } }

    func forgetNames() { session.withLock { $0.names = NameTable() } }

    /// The variables that a cell can use now, and what the user calls the cells that declared them.
    var variablesInForce: [(name: String, label: String)] {
        session.withLock { session in
            session.names.variables.map { ($0.name, session.labels[$0.cell] ?? "") }
        }
    }

    // MARK: A cell's way

    /// - Parameter output: where the compiler's warnings go; `nil` where they concern nobody.
    func run(
        _ syntax: CellSyntax, label: String, isOptimized: Bool = false, output: (any CellOutput)? = nil
    ) throws -> CellOutcome {
        let (number, names) = session.withLock { session in
            session.newest += 1
            session.labels[session.newest] = label
            return (session.newest, session.names)
        }
        let start = ContinuousClock.now
        let (source, product) = try compile(
            syntax, cell: number, label: label, names: names, isOptimized: isOptimized || optimizesCells)
        session.withLock { $0.compileTime = (ContinuousClock.now - start) / .seconds(1) }
        if product.wasInterrupted || session.withLock({ $0.isInterrupted }) { return .failure(interrupted) }
        guard let file = product.file else { return .failure(compileFailure(product, of: syntax, label: label)) }
        let warnings = product.diagnostics.helpful(in: syntax.code)
        if !warnings.isEmpty {
            output?.stream(.stderr, warnings.rendered(code: syntax.code, label: label).map { $0 + "\n" }.joined())
        }
        guard let handle = ccells_load(file, Int32(number)), let symbol = dlsym(handle, "cell_\(number)") else {
            let reason = dlerror().map { String(cString: $0) } ?? "its entry point is missing"
            return .failure(CellFailure(name: "LinkError", message: "the cell could not be loaded: \(reason)"))
        }
        if syntax.definitions.contains(where: \.isConformance) { conformances.take(from: file) }
        let record = openCellRecord(number)
        session.withLock { $0.running = record }
        defer {
            session.withLock { $0.running = nil }
            closeCellRecord(number)
        }
        session.withLock { $0.actors.formUnion(syntax.definitions.filter(\.isActor).map(\.name)) }
        let shown = RunningCell.output
        Self.outputs.withLock { $0[number] = shown }
        ccells_is_running(Int32(number))
        let entry = unsafeBitCast(symbol, to: ccells_entry.self)
        let ending = try threads.run(
            cell: number, isInterrupted: { session.withLock { $0.isInterrupted } },
            { RunningCell.$output.withValue(shown) { ccells_enter(entry) } })
        if let task = record.task { CellExecutors.abandon(task) }
        // Not every stream: a thread that was parked inside `fgets` holds its stream's lock for good.
        fflush(stdout)
        let outcome = outcome(of: ending, record: record, awaits: source.awaits)
        // A cell that failed leaves what it had declared before: its variables up to there, its functions and types.
        let hasEnded = if case .success = outcome { true } else { false }
        let definitions = syntax.definitions.filter {
            if case .variable = $0.kind { hasEnded || $0.statement <= record.reached } else { true }
        }
        compiler.revisions.keep(source, cell: number)
        let outdated = session.withLock { session in
            let outdated = session.names.add(
                cell: number, definitions: definitions, imports: syntax.imports, references: syntax.references)
            return outdated.reduce(into: [:]) { $0[$1] = session.names.hidden(in: $1) }
        }
        compiler.hideSoon(outdated)
        return outcome
    }

    /// Why code does not compile; `nil` where it does. Nothing of it is run.
    func compileFailure(of syntax: CellSyntax, label: String) throws -> CellFailure? {
        let (number, names) = session.withLock { session in
            session.newest += 1
            return (session.newest, session.names)
        }
        let (_, product) = try compile(syntax, cell: number, label: label, names: names, isOptimized: false)
        if product.wasInterrupted || session.withLock({ $0.isInterrupted }) { return interrupted }
        return product.file == nil ? compileFailure(product, of: syntax, label: label) : nil
    }

    /// Compiles a cell, and another time where the compiler asks for what is not the user's to know.
    private func compile(
        _ syntax: CellSyntax, cell: Int, label: String, names: NameTable, isOptimized: Bool
    ) throws -> (CellSource, CellCompiler.Product) {
        var source = CellSource(syntax, cell: cell, label: label, names: names)
        assistant.willRun(cell: cell, label: label, code: syntax.code, compiled: source)
        let hidden = source.importedCells.reduce(into: [:]) {
            $0[$1] = names.hidden(in: $1, besides: syntax.definitions)
        }
        compiler.hide(hidden)
        var product = try compiler.compile(source, cell: cell, label: label, isOptimized: isOptimized)
        // The types of earlier cells come from other modules, and are as good as public there. So would the members have
        // to be by which an extension makes them conform to a protocol.
        if product.compilerOutput.contains("because it matches a requirement in"), !product.wasInterrupted {
            source.ignoresAccess = true
            product = try compiler.compile(source, cell: cell, label: label, isOptimized: isOptimized)
        }
        // A script that awaits runs on the main actor, one that does not runs nowhere in particular.
        if !source.awaits, product.compilerOutput.contains(#/[Mm]ain actor-isolated .* nonisolated context/#),
            !product.wasInterrupted
        {
            let onMainActor = CellSource(syntax, cell: cell, label: label, names: names, onMainActor: true)
            let second = try compiler.compile(onMainActor, cell: cell, label: label, isOptimized: isOptimized)
            if second.file != nil || second.wasInterrupted { return (onMainActor, second) }
        }
        return (source, product)
    }

    private func outcome(of ending: CellThreads.Ending, record: CellRecord, awaits: Bool) -> CellOutcome {
        switch ending {
        case .returned: return finished(record)
        // The end of a top level that awaits is a call of `exit`: with 0, or after an error with 1.
        case .exited(_, let code) where awaits && code == (record.error == nil ? 0 : 1): return finished(record)
        default: return outcome(ofForced: ending)
        }
    }

    private func outcome(ofForced ending: CellThreads.Ending) -> CellOutcome {
        switch ending {
        case .returned: return .success(nil)
        case .interrupted(let mayHoldLock):
            var failure = interrupted
            if mayHoldLock { failure.traceback.append(lockNote) }
            return .failure(failure)
        case .exited("pthread_exit", _):
            return .failure(CellFailure(name: "Exit", message: "the cell ended its own thread; the kernel goes on"))
        case .exited(let function, let code):
            return .failure(
                CellFailure(
                    name: "Exit",
                    message: "the cell called \(function)(\(code)); it ended there, and the kernel goes on"))
        case .trapped(let trap, let onTopLevel):
            let labels = session.withLock { $0.labels }
            let trace = Backtrace(programCounters: trap.frames, toolchain: toolchain) { labels[$0] }
            return .failure(failure(trap, trace, onTopLevel: onTopLevel))
        }
    }

    private var lockNote: String {
        "\(ANSI.yellow)A lock may have been left behind. A cell that waits for it can be interrupted; if that keeps happening, restart the kernel.\(ANSI.reset)"
    }

    private func finished(_ record: CellRecord) -> CellOutcome {
        guard let error = record.error else { return .success(record.result) }
        // The way in which cancelled tasks end.
        if error.name == "CancellationError", session.withLock({ $0.isInterrupted }) { return .failure(interrupted) }
        return .failure(thrown(error))
    }

    private func thrown(_ error: CellRecord.Thrown) -> CellFailure {
        CellFailure(
            name: error.name, message: error.description,
            traceback: ["\(ANSI.red)\(error.name):\(ANSI.reset) \(error.description)"])
    }

    var interrupted: CellFailure {
        CellFailure(
            name: "Interrupted", message: "the cell was interrupted",
            traceback: ["\(ANSI.yellow)Interrupted.\(ANSI.reset) Earlier variables are unchanged."])
    }

    private func compileFailure(_ product: CellCompiler.Product, of syntax: CellSyntax, label: String) -> CellFailure {
        var diagnostics = product.diagnostics.helpful(in: syntax.code)
        let (names, labels) = session.withLock { ($0.names, $0.labels) }
        diagnostics.explainOlderTypes(
            compilerOutput: product.compilerOutput, older: names.olderTypes(behind: syntax.references), labels: labels)
        diagnostics.proposeNames(from: names.names(startingWith: "", members: false))
        let unknown = diagnostics.unknownNames
        if !unknown.isEmpty {
            diagnostics.proposeImports(
                MissingImports(toolchain: toolchain, folder: compiler.folder, moduleCache: compiler.moduleCache)
                    .modules(declaring: unknown, imported: names.imports + syntax.imports))
        }
        diagnostics.shortenNotesOnTry()
        let first = diagnostics.first { $0.severity == .error }
        return CellFailure(
            name: "CompileError", message: first?.message ?? "the cell did not compile",
            traceback: diagnostics.rendered(code: syntax.code, label: label))
    }

    private func failure(_ trap: Trap, _ trace: Backtrace, onTopLevel: Bool) -> CellFailure {
        let message = trap.message(trace: trace)
        var lines = ["\(ANSI.red)Fatal error:\(ANSI.reset) \(ANSI.bold)\(message)\(ANSI.reset)"]
        for frame in trace.frames.prefix(12) {
            let function = frame.function.map { ", in \($0)" } ?? ""
            lines.append("  at \(frame.label), line \(frame.line)\(function)")
        }
        if trace.frames.count > 12 { lines.append("  and \(trace.frames.count - 12) more calls") }
        if !onTopLevel { lines.append("It happened on another thread than the cell's own, which was stopped as well.") }
        lines.append("\(ANSI.dim)The cell ended there. Earlier variables are still there.\(ANSI.reset)")
        if !trap.changing.isEmpty {
            let names = trap.changing.map { "`\($0)`" }.joined(separator: " and ")
            let verb = trap.changing.count == 1 ? "was" : "were"
            lines.append(
                "\(ANSI.yellow)\(names) \(verb) being changed at that moment and may be damaged: assign it again.\(ANSI.reset)"
            )
        }
        let leftovers = leftovers(of: trap, trace)
        lines += leftovers.map { "\(ANSI.yellow)\($0)\(ANSI.reset)" }
        if trap.mayHoldLock && leftovers.isEmpty { lines.append(lockNote) }
        return CellFailure(name: "FatalError", message: message, traceback: lines)
    }
}

extension SwiftInterpreter {
    /// What waits for ever from now on, because nothing is unwound.
    private func leftovers(of trap: Trap, _ trace: Backtrace) -> [String] {
        let actors = session.withLock { $0.actors }
        var found: [String] = []
        for function in trace.frames.compactMap(\.function) {
            if let mark = function.firstRange(of: "one-time initialization function for ") {
                found.append(
                    "`\(function[mark.upperBound...])` has no value, and what reads it waits for one: run the cell again that defines it."
                )
            }
            if let type = function.split(separator: ".").first.map(String.init), actors.contains(type) {
                found.append(
                    "The \(type) whose method this is stays locked, and what calls it waits: make another one.")
            }
        }
        return found.withoutRepetition
    }

    // MARK: Callbacks

    /// Runs a widget's callback as cells are run: a trap in it costs the callback, and an interrupt ends it.
    public func perform(_ callback: @escaping @Sendable () -> Void, output: any CellOutput) -> CellOutcome {
        threads.distributeReports()
        let number = session.withLock { session in
            session.newestCallback += 1
            return session.newestCallback
        }
        do {
            let ending = try threads.run(
                cell: number, isInterrupted: { false }, { RunningCell.$output.withValue(output) { callback() } })
            fflush(stdout)
            return outcome(ofForced: ending)
        } catch {
            return .failure(CellFailure(name: "KernelError", message: "\(error)"))
        }
    }
}

/// Notes the error that left the top level of the calling thread's cell.
private func noteError(_ object: UnsafeRawPointer?) {
    guard let object else { return }
    // An `any Error` is this one pointer; loading it as such keeps the object alive.
    let error = withUnsafePointer(to: object) {
        UnsafeRawPointer($0).assumingMemoryBound(to: (any Error).self).pointee
    }
    cellRecord(Int(ccells_current_cell()))?.setError(
        CellRecord.Thrown(
            name: String(describing: type(of: error)).withoutCellNames,
            description: String(describing: error).withoutCellNames))
}
