public import Display

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
