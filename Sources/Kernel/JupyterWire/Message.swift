internal import FoundationEssentials

/// One message, received or to be sent.
///
/// The four JSON parts are kept as the bytes they travel in: a reply's parent header is the request's header to the
/// byte, and nobody pays for decoding what no one reads.
public struct Message: Sendable {
    /// The ZeroMQ route back to the sender; for iopub, the topic.
    public var identities: [[UInt8]]
    public var header: Header
    public var headerBytes: [UInt8]
    public var parentBytes: [UInt8]
    public var metadataBytes: [UInt8]
    public var contentBytes: [UInt8]
    /// Binary data beside the JSON: what comm messages carry.
    public var buffers: [[UInt8]]

    public var type: String { header.messageType }

    /// The content as a struct. Throws `WireError.malformed`.
    public func content<Content: Decodable>(as type: Content.Type = Content.self) throws(WireError) -> Content {
        try JSONText.decode(type, from: contentBytes, part: "content of \(header.messageType)")
    }

    /// The header of the message that this one answers, `nil` if there is none.
    public var parent: Header? {
        try? JSONText.decode(Header.self, from: parentBytes, part: "parent header")
    }
}

/// The bytes of an empty JSON object.
public let emptyObject: [UInt8] = [UInt8(ascii: "{"), UInt8(ascii: "}")]

/// JSON values to bytes and back.
public enum JSONText {
    public static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do {
            return [UInt8](try encoder.encode(value))
        } catch {
            // Numbers that JSON lacks are handled above, and no content of ours throws while it is encoded.
            fatalError("\(type(of: value)) cannot be written as JSON: \(error)")
        }
    }

    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], part: String
    ) throws(WireError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .undecodable(part, error)
        }
    }
}
