/// On stdin, from the kernel: asks the client that runs the cell for a line.
public struct InputRequest: OutgoingContent, Encodable {
    public static let messageType = "input_request"
    public var prompt: String
    /// Whether what is typed stays hidden.
    public var isPassword: Bool

    enum CodingKeys: String, CodingKey {
        case prompt
        case isPassword = "password"
    }

    public init(prompt: String, isPassword: Bool) {
        self.prompt = prompt
        self.isPassword = isPassword
    }
}

/// On stdin: what the user typed.
public struct InputReply: IncomingContent {
    public static let messageType = "input_reply"
    public var value: String
}
