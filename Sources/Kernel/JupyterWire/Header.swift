/// Who sent a message, when, and what kind of message it is.
public struct Header: Codable, Sendable, Equatable {
    /// Unique to the message.
    public var messageID: String
    public var messageType: String
    /// The sender's session: one for each connection of a client, one for each life of a kernel.
    public var session: String
    public var username: String
    /// ISO 8601, UTC.
    public var date: String
    /// The version of the protocol that the sender speaks.
    public var version: String
    /// The subshell that is to answer; `nil` for the main shell.
    public var subshellID: String?

    enum CodingKeys: String, CodingKey {
        case messageID = "msg_id"
        case messageType = "msg_type"
        case session, username, date, version
        case subshellID = "subshell_id"
    }

    public init(
        messageID: String, messageType: String, session: String, username: String, date: String = Timestamp.now(),
        version: String = Protocol.version, subshellID: String? = nil
    ) {
        self.messageID = messageID
        self.messageType = messageType
        self.session = session
        self.username = username
        self.date = date
        self.version = version
        self.subshellID = subshellID
    }

    /// Only the id and the type are required: everything else has been left out by some client.
    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        messageID = try keys.decode(String.self, forKey: .messageID)
        messageType = try keys.decode(String.self, forKey: .messageType)
        session = try keys.decodeIfPresent(String.self, forKey: .session) ?? ""
        username = try keys.decodeIfPresent(String.self, forKey: .username) ?? ""
        date = try keys.decodeIfPresent(String.self, forKey: .date) ?? ""
        version = try keys.decodeIfPresent(String.self, forKey: .version) ?? ""
        subshellID = try keys.decodeIfPresent(String.self, forKey: .subshellID)
    }
}

/// The protocol that this module speaks.
public enum Protocol {
    public static let version = "5.5"
}
