internal import FoundationEssentials
import Synchronization

/// One end of a conversation: names and signs what it sends, checks what it receives.
public final class Session: Sendable {
    public let id: String
    private let username: String
    private let signer: Signer
    private let sent = Atomic<Int>(0)
    /// Signatures that were received, cut to 64 bits: 16 bytes of memory a message, and one in 10⁷ sessions of a million
    /// messages would refuse a message wrongly.
    private let received = Mutex<Set<UInt64>>([])

    public init(key: String, username: String = "kernel") {
        id = UUID().uuidString.lowercased()
        self.username = username
        signer = Signer(key: key)
    }

    static let delimiter = Array("<IDS|MSG>".utf8)
    /// A header becomes the parent of every message that follows from it.
    static let largestHeader = 1 << 16

    /// A message that is ready to be sent. `parent` is the header of the message that it follows from.
    public func message(
        _ type: String, identities: [[UInt8]], parent: [UInt8] = emptyObject, metadata: [UInt8] = emptyObject,
        content: [UInt8], buffers: [[UInt8]] = []
    ) -> Message {
        let number = sent.add(1, ordering: .relaxed).newValue
        let header = Header(messageID: "\(id)_\(number)", messageType: type, session: id, username: username)
        return Message(
            identities: identities, header: header, headerBytes: JSONText.encode(header), parentBytes: parent,
            metadataBytes: metadata, contentBytes: content, buffers: buffers)
    }

    /// [identities…, delimiter, signature, header, parent header, metadata, content, buffers…]
    public func frames(of message: Message) -> [[UInt8]] {
        let signed = [message.headerBytes, message.parentBytes, message.metadataBytes, message.contentBytes]
        return message.identities + [Self.delimiter, signer.signature(of: signed)] + signed + message.buffers
    }

    /// The message that `frames` are. Throws for anything that is not one, is signed wrongly, or came before.
    public func message(from frames: [[UInt8]]) throws(WireError) -> Message {
        guard let delimiter = frames.firstIndex(of: Self.delimiter) else { throw .noDelimiter }
        let rest = frames[(delimiter + 1)...]
        guard rest.count >= 5 else { throw .tooFewFrames(rest.count) }
        let signature = rest[rest.startIndex]
        let parts = Array(rest.dropFirst().prefix(4))
        guard signer.accepts(signature, of: parts) else { throw .wrongSignature }
        guard parts[0].count <= Self.largestHeader else { throw .tooLarge("header", limit: "64 KB") }
        let header = try JSONText.decode(Header.self, from: parts[0], part: "header")
        if signer.isEnabled {
            let mark = signature.prefix(16).reduce(UInt64(0)) {
                $0 << 4 | UInt64($1 & 0x40 == 0 ? $1 & 15 : ($1 & 7) + 9)
            }
            guard received.withLock({ $0.insert(mark).inserted }) else { throw .replayed }
        }
        return Message(
            identities: Array(frames[..<delimiter]), header: header, headerBytes: parts[0], parentBytes: parts[1],
            metadataBytes: parts[2], contentBytes: parts[3], buffers: Array(rest.dropFirst(5)))
    }
}
