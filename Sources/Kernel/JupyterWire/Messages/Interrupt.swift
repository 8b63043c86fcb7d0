public struct InterruptRequest: IncomingContent {
    public static let messageType = "interrupt_request"
}

public struct InterruptReply: OutgoingContent, Encodable {
    public static let messageType = "interrupt_reply"
    public let status = "ok"
    public init() {}
}
