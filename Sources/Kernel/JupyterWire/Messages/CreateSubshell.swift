/// On control: asks for a line of requests of its own, which is served while the main shell runs a cell (JEP 91).
public struct CreateSubshellRequest: IncomingContent {
    public static let messageType = "create_subshell_request"
}

/// The subshell's id, which the client puts into the headers of what it sends there on shell.
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
