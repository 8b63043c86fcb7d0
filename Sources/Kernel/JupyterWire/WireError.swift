/// Why bytes from outside are not a message of ours.
public enum WireError: Error, Equatable, CustomStringConvertible {
    case noDelimiter
    case tooFewFrames(Int)
    case tooLarge(String, limit: String)
    case wrongSignature
    case replayed
    case malformed(String, why: String)

    public var description: String {
        switch self {
        case .noDelimiter: "the frames have no <IDS|MSG> delimiter"
        case .tooFewFrames(let count): "\(count) frames follow the delimiter; a message has at least 5"
        case .tooLarge(let part, let limit): "the \(part) has more than \(limit)"
        case .wrongSignature: "the signature is not that of this connection's key"
        case .replayed: "a message with this signature was received before"
        case .malformed(let part, let why): "the \(part) is malformed: \(why)"
        }
    }
}

extension WireError {
    /// `error` as the JSON decoder threw it, in one sentence.
    static func undecodable(_ part: String, _ error: any Error) -> WireError {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty
                ? ""
                : " at "
                    + context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        let why =
            switch error {
            case DecodingError.keyNotFound(let key, let context): "\"\(key.stringValue)\" is missing\(place(context))"
            case DecodingError.typeMismatch(let type, let context): "no \(type)\(place(context))"
            case DecodingError.valueNotFound(let type, let context): "null instead of \(type)\(place(context))"
            case DecodingError.dataCorrupted: "not JSON in UTF-8"
            default: "\(error)"
            }
        return .malformed(part, why: why)
    }
}
