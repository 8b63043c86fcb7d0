/// On control: a request of the Debug Adapter Protocol, as it stands.
public struct DebugRequest: IncomingContent {
    public static let messageType = "debug_request"
    /// The client's number for it.
    public var sequence: Int
    /// "debugInfo", "initialize", …
    public var command: String

    enum CodingKeys: String, CodingKey {
        case sequence = "seq"
        case command
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        sequence = try keys.decodeIfPresent(Int.self, forKey: .sequence) ?? 0
        command = try keys.decodeIfPresent(String.self, forKey: .command) ?? ""
    }
}

/// The answer to a `DebugRequest` of a kernel that has no debugger: a response of the Debug Adapter Protocol.
public struct DebugReply: OutgoingContent, Encodable {
    public static let messageType = "debug_reply"
    public let type = "response"
    /// Of the request.
    public var sequence: Int
    public let success = false
    public var command: String
    /// Why there is no success.
    public var message: String

    enum CodingKeys: String, CodingKey {
        case type, success, command, message
        case sequence = "request_seq"
    }

    public init(refusing request: DebugRequest, because message: String) {
        sequence = request.sequence
        command = request.command
        self.message = message
    }
}
