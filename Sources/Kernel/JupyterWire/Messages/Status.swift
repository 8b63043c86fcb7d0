/// On iopub: what the kernel is doing. `busy` and `idle` enclose every request; `starting` is sent once.
public struct Status: OutgoingContent, Encodable {
    public static let messageType = "status"
    public enum State: String, Encodable, Sendable { case starting, busy, idle }
    public var state: State
    enum CodingKeys: String, CodingKey { case state = "execution_state" }

    public init(_ state: State) {
        self.state = state
    }
}
