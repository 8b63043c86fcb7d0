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

/// One cell, as it was sent.
public struct Cell: Sendable {
    public var code: String
    /// The number in `In[n]`. A cell that is not counted (silent, or not stored) has its predecessor's.
    public var executionCount: Int
    /// No result, no `execute_input`, no count.
    public var isSilent: Bool
    /// Whether the front end can answer `readLine`.
    public var allowsInput: Bool

    public init(code: String, executionCount: Int, isSilent: Bool = false, allowsInput: Bool = false) {
        self.code = code
        self.executionCount = executionCount
        self.isSilent = isSilent
        self.allowsInput = allowsInput
    }
}

/// Where the output of one cell goes. Carries the cell's parent header, so that nothing lands under another cell.
/// Calls from one thread arrive in the order in which they were made.
public protocol CellOutput: Sendable {
    func stream(_ stream: OutputStream, _ text: String)
    /// Printed text as it comes, in UTF-8: a piece may end within a character, which the next one completes.
    func stream(_ stream: OutputStream, bytes: UnsafeRawBufferPointer)
    func display(_ bundle: MimeBundle, id: DisplayID?)
    func update(_ bundle: MimeBundle, id: DisplayID)
    func clear(wait: Bool)
    /// Asks the user for a line and waits for it. Throws `InputUnavailable` where the front end cannot ask, and
    /// `Interrupted` when the cell is interrupted meanwhile.
    func readLine(prompt: String, isPassword: Bool) throws -> String
    /// Shows help in a pane of its own (`?name`), after the cell.
    func page(_ bundle: MimeBundle)
    /// Puts `code` into a new cell below this one, or (`replace`) into this one, after the cell.
    func setNextInput(_ code: String, replace: Bool)
}

extension CellOutput {
    public func stream(_ stream: OutputStream, bytes: UnsafeRawBufferPointer) {
        self.stream(stream, String(decoding: bytes, as: UTF8.self))
    }
    public func page(_ bundle: MimeBundle) { display(bundle, id: nil) }
    public func setNextInput(_ code: String, replace: Bool) { stream(.stdout, code + "\n") }
}

public enum OutputStream: String, Sendable {
    case stdout, stderr
}

public struct InputUnavailable: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "this front end cannot ask for input" }
}

/// How a cell ended.
public enum CellOutcome: Sendable {
    /// With the last expression's value, unless it has none to show.
    case success(MimeBundle?)
    case failure(CellFailure)
}

/// Why a cell failed: `name: message`, and the lines to show, which may carry ANSI colours.
public struct CellFailure: Sendable, Error {
    public var name: String
    public var message: String
    public var traceback: [String]

    public init(name: String, message: String, traceback: [String]? = nil) {
        self.name = name
        self.message = message
        self.traceback = traceback ?? ["\(name): \(message)"]
    }
}

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

/// Completions, and the range of Unicode scalars in the code that each of them replaces.
public struct Completions: Sendable {
    public struct Match: Sendable {
        /// What is inserted.
        public var text: String
        /// "function", "property", "struct", …
        public var kind: String?
        public var signature: String?
        public init(text: String, kind: String? = nil, signature: String? = nil) {
            self.text = text
            self.kind = kind
            self.signature = signature
        }
    }
    public var matches: [Match]
    public var range: Range<Int>
    public init(matches: [Match], range: Range<Int>) {
        self.matches = matches
        self.range = range
    }
}

public enum Completeness: Sendable, Equatable {
    case complete
    /// With the indentation that the next line should start with.
    case incomplete(indent: String)
    case invalid
    case unknown
}
