/// On shell, deprecated since 5.1: where does the kernel listen?
public struct ConnectRequest: IncomingContent {
    public static let messageType = "connect_request"
}

/// The ports of the five sockets.
public struct ConnectReply: OutgoingContent, Encodable {
    public static let messageType = "connect_reply"
    public let status = "ok"
    public var shell: Int
    public var iopub: Int
    public var stdin: Int
    public var control: Int
    public var heartbeat: Int

    enum CodingKeys: String, CodingKey {
        case status
        case shell = "shell_port"
        case iopub = "iopub_port"
        case stdin = "stdin_port"
        case control = "control_port"
        case heartbeat = "hb_port"
    }

    public init(_ connection: ConnectionFile) {
        shell = connection.ports[.shell] ?? 0
        iopub = connection.ports[.iopub] ?? 0
        stdin = connection.ports[.stdin] ?? 0
        control = connection.ports[.control] ?? 0
        heartbeat = connection.ports[.heartbeat] ?? 0
    }
}
