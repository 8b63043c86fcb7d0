/// On control: which subshells are there?
public struct ListSubshellRequest: IncomingContent {
    public static let messageType = "list_subshell_request"
}

/// The subshells' ids.
public struct ListSubshellReply: OutgoingContent, Encodable {
    public static let messageType = "list_subshell_reply"
    public let status = "ok"
    /// Without the main shell.
    public var subshellIDs: [String]

    enum CodingKeys: String, CodingKey {
        case status
        case subshellIDs = "subshell_id"
    }

    public init(subshellIDs: [String]) {
        self.subshellIDs = subshellIDs
    }
}
