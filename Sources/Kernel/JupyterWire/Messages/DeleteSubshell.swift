public struct DeleteSubshellRequest: IncomingContent {
    public static let messageType = "delete_subshell_request"
    public var subshellID: String
    enum CodingKeys: String, CodingKey { case subshellID = "subshell_id" }
}

public struct DeleteSubshellReply: OutgoingContent, Encodable {
    public static let messageType = "delete_subshell_reply"
    public let status = "ok"
    public init() {}
}
