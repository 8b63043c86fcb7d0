public import Display

/// What a kernel needs to know of a language. Three members are required; the rest have defaults.
///
/// `execute` is called on one thread, one cell after the other. All other methods may be called at any time on any
/// thread, also while a cell runs, and must answer quickly or in bounded time.
public protocol Interpreter: AnyObject, Sendable {
    var language: LanguageInfo { get }
    /// Shown by consoles at start.
    var banner: String { get }
    /// Runs one cell to its end and returns how it ended. What it produces meanwhile goes to `output`.
    func execute(_ cell: Cell, output: any CellOutput) -> CellOutcome

    /// Called before each cell is announced to the clients: an `interrupt` that came before was not meant for it, and one
    /// that comes from here on is, even before `execute` has begun.
    func forgetInterrupt()
    /// Asks the running cell to stop. Returns at once; the cell's `execute` returns when it has stopped.
    func interrupt()
    /// Completions at `cursor`, a count of Unicode scalars from the start of `code`.
    func complete(_ code: String, cursor: Int) -> Completions
    /// Documentation of what stands at `cursor` (Unicode scalars). `detail` is 0, or 1 for more (the source, say).
    func inspect(_ code: String, cursor: Int, detail: Int) -> MimeBundle?
    /// Whether a front end should run `code` on Enter, or let the user go on typing.
    func completeness(of code: String) -> Completeness
    /// Evaluates one of `user_expressions` after a cell.
    func evaluate(_ expression: String) -> CellOutcome
    /// Runs what a cell has left behind to be called later (a widget's callback), with the protection that cells have. May
    /// be called while a cell runs.
    func perform(_ callback: @escaping @Sendable () -> Void, output: any CellOutput) -> CellOutcome
    /// The output of the cell whose work the calling thread does, for threads on which `RunningCell.output` is not
    /// bound: those that a cell has started. `nil` where that is not known. Called whenever something is printed or
    /// displayed.
    func outputOfCallingThread() -> (any CellOutput)?
    /// Does some of the kernel's own work on a thread that may be a cell's. It holds locks meanwhile: an interrupt must
    /// not stop the thread in there for good.
    func shielded<Result>(_ work: () throws -> Result) rethrows -> Result
    /// Called once before the process ends.
    func shutdown()
}

extension Interpreter {
    public func forgetInterrupt() {}
    public func interrupt() {}
    public func complete(_ code: String, cursor: Int) -> Completions {
        Completions(matches: [], range: cursor..<cursor)
    }
    public func inspect(_ code: String, cursor: Int, detail: Int) -> MimeBundle? { nil }
    public func completeness(of code: String) -> Completeness { .unknown }
    public func evaluate(_ expression: String) -> CellOutcome {
        .failure(CellFailure(name: "Unsupported", message: "this kernel evaluates no user expressions"))
    }
    public func perform(_ callback: @escaping @Sendable () -> Void, output: any CellOutput) -> CellOutcome {
        callback()
        return .success(nil)
    }
    public func outputOfCallingThread() -> (any CellOutput)? { nil }
    public func shielded<Result>(_ work: () throws -> Result) rethrows -> Result { try work() }
    public func shutdown() {}
}

/// What clients are told of the language: how to colour it, and what its files are called.
public struct LanguageInfo: Sendable {
    public var name: String
    public var version: String
    public var mimeType: String
    /// With the dot: ".swift".
    public var fileExtension: String
    /// The lexers that colour the code, where they are not called as the language is.
    public var pygmentsLexer: String?
    public var codeMirrorMode: String?

    public init(
        name: String, version: String, mimeType: String, fileExtension: String, pygmentsLexer: String? = nil,
        codeMirrorMode: String? = nil
    ) {
        self.name = name
        self.version = version
        self.mimeType = mimeType
        self.fileExtension = fileExtension
        self.pygmentsLexer = pygmentsLexer
        self.codeMirrorMode = codeMirrorMode
    }
}
