/// On iopub: text that was printed.
public struct StreamText: OutgoingContent {
    public static let messageType = "stream"
    /// "stdout" or "stderr".
    public var name: String
    public var text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    public func serialized() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + text.utf8.count / 16 + 64)
        bytes += "{\"name\":".utf8
        bytes.append(json: name)
        bytes += ",\"text\":".utf8
        bytes.append(json: text)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
