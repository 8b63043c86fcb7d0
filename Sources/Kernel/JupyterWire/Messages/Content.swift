/// The content of a message that the kernel receives.
public protocol IncomingContent: Decodable, Sendable {
    static var messageType: String { get }
}

/// The content of a message that the kernel sends.
public protocol OutgoingContent: Sendable {
    static var messageType: String { get }
    /// The content as JSON.
    func serialized() -> [UInt8]
}

extension OutgoingContent where Self: Encodable {
    public func serialized() -> [UInt8] { JSONText.encode(self) }
}

/// What any reply says when its request failed.
public struct ErrorReply: Encodable, Sendable {
    public let status = "error"
    public var name: String
    public var value: String
    public var traceback: [String]

    enum CodingKeys: String, CodingKey {
        case status, traceback
        case name = "ename"
        case value = "evalue"
    }

    public init(name: String, value: String, traceback: [String] = []) {
        self.name = name
        self.value = value
        self.traceback = traceback
    }
}
