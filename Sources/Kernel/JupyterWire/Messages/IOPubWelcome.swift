/// On iopub: tells a client that its subscription is in force: nothing that is published from now on is lost to it.
public struct IOPubWelcome: OutgoingContent, Encodable {
    public static let messageType = "iopub_welcome"
    public var subscription: String

    public init(subscription: String) {
        self.subscription = subscription
    }
}
