/// On control, and from older clients on shell: ends the kernel.
public struct ShutdownRequest: IncomingContent {
    public static let messageType = "shutdown_request"
    /// Whether the client starts a new kernel afterwards.
    public var restarts: Bool
    enum CodingKeys: String, CodingKey { case restarts = "restart" }

    public init(from decoder: any Decoder) throws {
        restarts =
            try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(Bool.self, forKey: .restarts) ?? false
    }
}

/// The last words of a kernel: to the client that asked, and on iopub to all the others.
public struct ShutdownReply: OutgoingContent, Encodable {
    public static let messageType = "shutdown_reply"
    public let status = "ok"
    public var restarts: Bool

    enum CodingKeys: String, CodingKey {
        case status
        case restarts = "restart"
    }

    public init(restarts: Bool) {
        self.restarts = restarts
    }
}
