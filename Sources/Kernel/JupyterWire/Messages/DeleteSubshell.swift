/// On control: removes a subshell.
public struct DeleteSubshellRequest: IncomingContent {
    public static let messageType = "delete_subshell_request"
    public var subshellID: String
    enum CodingKeys: String, CodingKey { case subshellID = "subshell_id" }
}

/// The subshell is removed; what waited in it is still served.
public struct DeleteSubshellReply: OutgoingContent, Encodable {
    public static let messageType = "delete_subshell_reply"
    public let status = "ok"
    public init() {}
}
