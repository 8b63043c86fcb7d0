public struct CreateSubshellRequest: IncomingContent {
    public static let messageType = "create_subshell_request"
}

public struct CreateSubshellReply: OutgoingContent, Encodable {
    public static let messageType = "create_subshell_reply"
    public let status = "ok"
    public var subshellID: String

    enum CodingKeys: String, CodingKey {
        case status
        case subshellID = "subshell_id"
    }

    public init(subshellID: String) {
        self.subshellID = subshellID
    }
}
