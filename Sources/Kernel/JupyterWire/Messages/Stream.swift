/// Text that was printed.
public struct StreamText: OutgoingContent, Encodable {
    public static let messageType = "stream"
    /// "stdout" or "stderr".
    public var name: String
    public var text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}
