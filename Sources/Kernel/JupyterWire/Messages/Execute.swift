public import Display

/// On shell: runs a cell. What it prints and shows meanwhile comes on iopub, with this request's header as parent.
public struct ExecuteRequest: IncomingContent {
    public static let messageType = "execute_request"
    public var code: String
    /// Nothing is shown or counted.
    public var isSilent: Bool
    /// Whether the cell is counted and goes into the history. Never so for a silent one.
    public var storesHistory: Bool
    /// Expressions to evaluate after the cell, by a name of the client's choice.
    public var userExpressions: [String: String]
    /// Whether the client answers `input_request`.
    public var allowsInput: Bool
    /// Whether a failure aborts the cells that are queued.
    public var stopsOnError: Bool

    enum CodingKeys: String, CodingKey {
        case code, silent
        case storeHistory = "store_history"
        case userExpressions = "user_expressions"
        case allowStdin = "allow_stdin"
        case stopOnError = "stop_on_error"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        code = try keys.decode(String.self, forKey: .code)
        isSilent = try keys.decodeIfPresent(Bool.self, forKey: .silent) ?? false
        storesHistory = try (keys.decodeIfPresent(Bool.self, forKey: .storeHistory) ?? true) && !isSilent
        userExpressions = try keys.decodeIfPresent([String: String].self, forKey: .userExpressions) ?? [:]
        // A client that does not mention stdin does not know how to answer.
        allowsInput = try keys.decodeIfPresent(Bool.self, forKey: .allowStdin) ?? false
        stopsOnError = try keys.decodeIfPresent(Bool.self, forKey: .stopOnError) ?? true
    }
}

/// How a cell ended. Its value came on iopub before (`ExecuteResult`), or its error (`ErrorReport`).
public struct ExecuteReply: OutgoingContent, Encodable {
    public static let messageType = "execute_reply"

    public enum Status: String, Encodable, Sendable { case ok, error, aborted }

    public var status: Status
    public var executionCount: Int
    public var userExpressions: [String: UserExpression]?
    public var payload: [Payload]?
    public var failure: ErrorReply?

    enum CodingKeys: String, CodingKey {
        case status, payload
        case executionCount = "execution_count"
        case userExpressions = "user_expressions"
    }

    public static func ok(
        executionCount: Int, userExpressions: [String: UserExpression], payload: [Payload]
    ) -> ExecuteReply {
        ExecuteReply(
            status: .ok, executionCount: executionCount, userExpressions: userExpressions, payload: payload)
    }

    public static func error(_ failure: ErrorReply, executionCount: Int) -> ExecuteReply {
        ExecuteReply(
            status: .error, executionCount: executionCount, userExpressions: [:], payload: [], failure: failure)
    }

    /// The cell did not run because one before it failed.
    public static func aborted(executionCount: Int) -> ExecuteReply {
        ExecuteReply(status: .aborted, executionCount: executionCount)
    }

    public func encode(to encoder: any Encoder) throws {
        try failure?.encode(to: encoder)
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(status, forKey: .status)
        try keys.encode(executionCount, forKey: .executionCount)
        try keys.encodeIfPresent(userExpressions, forKey: .userExpressions)
        try keys.encodeIfPresent(payload, forKey: .payload)
    }

    public enum UserExpression: Encodable, Sendable {
        case value(MimeBundle)
        case failure(ErrorReply)

        enum CodingKeys: String, CodingKey { case status, data, metadata }

        public func encode(to encoder: any Encoder) throws {
            switch self {
            case .value(let bundle):
                var keys = encoder.container(keyedBy: CodingKeys.self)
                try keys.encode("ok", forKey: .status)
                try keys.encode(bundle.jsonContents, forKey: .data)
                try keys.encode(bundle.metadata, forKey: .metadata)
            case .failure(let failure): try failure.encode(to: encoder)
            }
        }
    }

    /// What the front end does after the cell. Deprecated by the protocol, but nothing has replaced it.
    public enum Payload: Encodable, Sendable {
        /// Shows help in a pane of its own.
        case page(MimeBundle)
        /// Puts text into a new cell below, or into this one.
        case setNextInput(String, replace: Bool)

        enum CodingKeys: String, CodingKey { case source, data, start, text, replace }

        public func encode(to encoder: any Encoder) throws {
            var keys = encoder.container(keyedBy: CodingKeys.self)
            switch self {
            case .page(let bundle):
                try keys.encode("page", forKey: .source)
                try keys.encode(bundle.jsonContents, forKey: .data)
                try keys.encode(0, forKey: .start)
            case .setNextInput(let text, let replace):
                try keys.encode("set_next_input", forKey: .source)
                try keys.encode(text, forKey: .text)
                try keys.encode(replace, forKey: .replace)
            }
        }
    }
}
