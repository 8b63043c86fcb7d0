/// On shell: should a console run this code on Enter, or let the user go on typing?
public struct IsCompleteRequest: IncomingContent {
    public static let messageType = "is_complete_request"
    public var code: String
}

/// Whether the code is whole.
public struct IsCompleteReply: OutgoingContent, Encodable {
    public static let messageType = "is_complete_reply"
    public enum Status: String, Encodable, Sendable { case complete, incomplete, invalid, unknown }
    public var status: Status
    /// What the next line starts with; only where the code is incomplete.
    public var indent: String?

    public init(status: Status, indent: String? = nil) {
        self.status = status
        self.indent = indent
    }
}
