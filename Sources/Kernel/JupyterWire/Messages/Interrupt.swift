/// On control: stops the running cell. Clients send it where the kernelspec says `"interrupt_mode": "message"`; others
/// send SIGINT.
public struct InterruptRequest: IncomingContent {
    public static let messageType = "interrupt_request"
}

/// The cell has been asked to stop; its own reply tells when it has.
public struct InterruptReply: OutgoingContent, Encodable {
    public static let messageType = "interrupt_reply"
    public let status = "ok"
    public init() {}
}
