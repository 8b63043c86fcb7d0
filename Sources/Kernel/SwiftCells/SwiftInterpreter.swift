internal import CCells
import CellRuntime
import Display
import Glibc
import JupyterKernel
import Synchronization

/// Swift cells for the kernel: each is compiled by the toolchain's compiler, loaded into this process and run there.
///
/// The way of a cell: `CellSyntax` reads it, `NameTable` says which earlier cells it needs, `CellSource` writes what is
/// compiled, `CellCompiler` makes a shared object, `CellThreads` runs it, and here its end becomes an outcome.
public final class SwiftInterpreter: Interpreter {
    private let toolchain: Toolchain
    private let compiler: CellCompiler
    private let threads: CellThreads
    private let assistant: CodeAssistant
    private let session = Mutex(Session())
    private let swiftVersion: String

    private struct Session {
        /// The number of the newest module. Not the execution count: silent cells are modules too.
        var newest = 0
        var names = NameTable()
        /// What the user calls a cell, by module number.
        var labels: [Int: String] = [:]
        var isCompiling = false
        var isInterrupted = false
    }

    /// Once a process. `lateOutput` gets what there is to say of threads that failed after their cell had ended.
    ///
    /// - Throws: `ToolchainMissing`, or an error that says what the system refused.
    public init(lateOutput: @escaping @Sendable (String) -> Void) throws {
        toolchain = try Toolchain()
        swiftVersion = "6.3"
        let folder = try Self.makeFolder()
        compiler = try CellCompiler(
            toolchain: toolchain, folder: folder + "/cells", modules: ModulePaths.modules)
        assistant = CodeAssistant(toolchain: toolchain, folder: compiler.folder, modules: ModulePaths.modules)
        ccells_on_error(noteError)
        let toolchain = toolchain
        threads = try CellThreads { late in
            let trace = Backtrace(programCounters: late.trap.frames, toolchain: toolchain)
            let place = trace.frames.first.map { "\($0.label), line \($0.line)" } ?? "an earlier cell"
            lateOutput("A thread that \(place) had started failed: \(late.trap.message(trace: trace))\n")
        }
        assistant.warmUpSoon(after: .seconds(1))
    }

    private static func makeFolder() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/swift-lab-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw SystemError("cannot make a folder for compiled cells in \(parent)")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Interpreter

    public var language: LanguageInfo {
        LanguageInfo(
            name: "swift", version: swiftVersion, mimeType: "text/x-swift", fileExtension: ".swift",
            pygmentsLexer: "swift", codeMirrorMode: "swift")
    }

    public var banner: String {
        "Swift Lab: Swift \(swiftVersion) in cells. `import Lab` for tensors, training and pictures."
    }

    public func execute(_ cell: Cell, output: any CellOutput) -> CellOutcome {
        threads.collectLateReports()
        let syntax = CellSyntax(cell.code)
        if syntax.isEmpty { return .success(nil) }
        do {
            return try run(syntax, label: "In[\(cell.executionCount)]")
        } catch {
            return .failure(CellFailure(name: "KernelError", message: "\(error)"))
        }
    }

    public func interrupt() {
        let isCompiling = session.withLock { session in
            session.isInterrupted = true
            return session.isCompiling
        }
        if isCompiling { compiler.interrupt() }
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
        let syntax = CellSyntax(expression)
        do {
            return try run(syntax, label: "expression")
        } catch {
            return .failure(CellFailure(name: "KernelError", message: "\(error)"))
        }
    }

    /// Compiles an empty cell, so that the first real one finds the compiler and its modules in memory.
    public func warmUp() {
        let source = CellSource(CellSyntax("_ = 0"), cell: 0, label: "In[0]", names: NameTable())
        _ = try? compiler.compile(source, cell: 0, label: "In[0]")
    }

    public func shutdown() {
        compiler.interrupt()
        assistant.shutdown()
        removeFolder(compiler.folder)
    }

    // MARK: A cell's way

    private func run(_ syntax: CellSyntax, label: String) throws -> CellOutcome {
        let (number, names) = session.withLock { session in
            session.newest += 1
            session.labels[session.newest] = label
            session.isInterrupted = false
            session.isCompiling = true
            return (session.newest, session.names)
        }
        let source = CellSource(syntax, cell: number, label: label, names: names)
        assistant.willRun(cell: number, label: label, code: syntax.code, compiled: source)
        let product: CellCompiler.Product
        do {
            defer { session.withLock { $0.isCompiling = false } }
            product = try compiler.compile(source, cell: number, label: label)
        }
        if product.wasInterrupted || session.withLock({ $0.isInterrupted }) { return .failure(interrupted) }
        guard let file = product.file else {
            return .failure(compileFailure(product.diagnostics, code: syntax.code, label: label))
        }
        guard let handle = ccells_load(file), let symbol = dlsym(handle, "cell_\(number)") else {
            let reason = dlerror().map { String(cString: $0) } ?? "its entry point is missing"
            return .failure(CellFailure(name: "LinkError", message: "the cell could not be loaded: \(reason)"))
        }
        let record = openCellRecord(number)
        defer { closeCellRecord(number) }
        let ending = try threads.run(unsafeBitCast(symbol, to: ccells_entry.self), cell: number)
        fflush(nil)
        let outcome = outcome(of: ending, record: record, label: label)
        // A cell that failed leaves what it had declared before: its variables up to there, its functions and types.
        let hasEnded = if case .success = outcome { true } else { false }
        let definitions = syntax.definitions.filter {
            if case .variable = $0.kind { hasEnded || $0.statement <= record.reached } else { true }
        }
        session.withLock {
            $0.names.add(cell: number, definitions: definitions, imports: syntax.imports, references: syntax.references)
        }
        return outcome
    }

    private func outcome(of ending: CellThreads.Ending, record: CellRecord, label: String) -> CellOutcome {
        switch ending {
        case .returned:
            if let error = record.error { return .failure(thrown(error)) }
            return .success(record.result)
        case .interrupted: return .failure(interrupted)
        case .exited(let code):
            return .failure(
                CellFailure(
                    name: "Exit", message: "the cell called exit(\(code)); it ended there, and the kernel goes on"))
        case .trapped(let trap, let onTopLevel):
            let trace = Backtrace(programCounters: trap.frames, toolchain: toolchain)
            return .failure(failure(trap, trace, onTopLevel: onTopLevel))
        }
    }

    private func thrown(_ error: String) -> CellFailure {
        let parts = error.split(separator: "\u{0}", maxSplits: 1).map(String.init)
        return CellFailure(
            name: parts[0], message: parts.last!,
            traceback: ["\(ANSI.red)\(parts[0]):\(ANSI.reset) \(parts.last!)"])
    }

    private var interrupted: CellFailure {
        CellFailure(
            name: "Interrupted", message: "the cell was interrupted",
            traceback: ["\(ANSI.yellow)Interrupted.\(ANSI.reset) Earlier variables are unchanged."])
    }

    private func compileFailure(_ diagnostics: [Diagnostic], code: String, label: String) -> CellFailure {
        let first = diagnostics.first { $0.severity == .error }
        return CellFailure(
            name: "CompileError", message: first?.message ?? "the cell did not compile",
            traceback: diagnostics.rendered(code: code, label: label))
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
        return CellFailure(name: "FatalError", message: message, traceback: lines)
    }
}

/// Notes the error that left the top level of the calling thread's cell.
private func noteError(_ object: UnsafeRawPointer?) {
    guard let object else { return }
    // An `any Error` is this one pointer; loading it as such keeps the object alive.
    let error = withUnsafePointer(to: object) {
        UnsafeRawPointer($0).assumingMemoryBound(to: (any Error).self).pointee
    }
    let name = String(describing: type(of: error)).withoutCellNames
    cellRecord(Int(ccells_current_cell()))?.setError(name + "\u{0}" + String(describing: error).withoutCellNames)
}

private func removeFolder(_ path: String) {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { unlink("\(path)/\(name)") }
    }
    closedir(folder)
    rmdir(path)
    // Its parent was made for it.
    rmdir(path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 })
}
