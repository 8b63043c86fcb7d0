/// On shell: which comms are open?
public struct CommInfoRequest: IncomingContent {
    public static let messageType = "comm_info_request"
    /// Only comms with this target; all where it is `nil`.
    public var target: String?
    enum CodingKeys: String, CodingKey { case target = "target_name" }
}

/// The open comms, each with its target.
public struct CommInfoReply: OutgoingContent, Encodable {
    public static let messageType = "comm_info_reply"
    public let status = "ok"
    /// By comm id.
    public var comms: [String: Info]

    public struct Info: Encodable, Sendable {
        public var target: String
        enum CodingKeys: String, CodingKey { case target = "target_name" }
    }

    /// `targets`: the target's name by comm id.
    public init(targets: [String: String]) {
        comms = targets.mapValues(Info.init)
    }
}
