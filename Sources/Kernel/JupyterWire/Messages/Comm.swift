public import Display

/// Opens a comm: a channel between an object in the kernel and one in the front end (a widget). Either side may, and
/// nobody answers: clients send on shell, the kernel on iopub. Binary data travels in the message's buffers.
public struct CommOpen: IncomingContent, OutgoingContent, Encodable {
    public static let messageType = "comm_open"
    public var id: String
    /// What the other side should make for this comm: "jupyter.widget".
    public var target: String
    public var data: JSON

    enum CodingKeys: String, CodingKey {
        case id = "comm_id"
        case target = "target_name"
        case data
    }

    public init(id: String, target: String, data: JSON) {
        self.id = id
        self.target = target
        self.data = data
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        id = try keys.decode(String.self, forKey: .id)
        target = try keys.decode(String.self, forKey: .target)
        data = try keys.decodeIfPresent(JSON.self, forKey: .data) ?? [:]
    }
}

/// A message on an open comm, from either side.
public struct CommMessage: IncomingContent, OutgoingContent, Encodable {
    public static let messageType = "comm_msg"
    public var id: String
    public var data: JSON

    enum CodingKeys: String, CodingKey {
        case id = "comm_id"
        case data
    }

    public init(id: String, data: JSON) {
        self.id = id
        self.data = data
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        id = try keys.decode(String.self, forKey: .id)
        data = try keys.decodeIfPresent(JSON.self, forKey: .data) ?? [:]
    }
}

/// The last message on a comm, from either side; or the kernel's refusal of a comm to a target that it does not know.
public struct CommClose: IncomingContent, OutgoingContent, Encodable {
    public static let messageType = "comm_close"
    public var id: String
    public var data: JSON

    enum CodingKeys: String, CodingKey {
        case id = "comm_id"
        case data
    }

    public init(id: String, data: JSON = [:]) {
        self.id = id
        self.data = data
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        id = try keys.decode(String.self, forKey: .id)
        data = try keys.decodeIfPresent(JSON.self, forKey: .data) ?? [:]
    }
}
