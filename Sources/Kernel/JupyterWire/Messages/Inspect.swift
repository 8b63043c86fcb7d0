public import Display

/// On shell: what is the thing at the cursor?
public struct InspectRequest: IncomingContent {
    public static let messageType = "inspect_request"
    public var code: String
    /// In Unicode scalars.
    public var cursor: Int
    public var detail: Int

    enum CodingKeys: String, CodingKey {
        case code
        case cursor = "cursor_pos"
        case detail = "detail_level"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        code = try keys.decode(String.self, forKey: .code)
        cursor = clampedCursor(try keys.decodeIfPresent(Int.self, forKey: .cursor), in: code)
        detail = try keys.decodeIfPresent(Int.self, forKey: .detail) ?? 0
    }
}

/// A cursor that lies in `code`; its end where the client gave none.
func clampedCursor(_ cursor: Int?, in code: String) -> Int {
    let end = code.unicodeScalars.count
    return min(max(cursor ?? end, 0), end)
}

/// Documentation as a mime bundle, where the thing is known.
public struct InspectReply: OutgoingContent, Encodable {
    public static let messageType = "inspect_reply"
    /// `nil`: nothing was found.
    public var bundle: MimeBundle?

    enum CodingKeys: String, CodingKey { case status, found, data, metadata }

    public init(_ bundle: MimeBundle?) {
        self.bundle = bundle
    }

    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode("ok", forKey: .status)
        try keys.encode(bundle != nil, forKey: .found)
        try keys.encode(bundle?.jsonContents ?? [:], forKey: .data)
        try keys.encode(bundle?.metadata ?? [:], forKey: .metadata)
    }
}
