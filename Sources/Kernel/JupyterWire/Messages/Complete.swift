/// On shell: what could stand at the cursor?
public struct CompleteRequest: IncomingContent {
    public static let messageType = "complete_request"
    public var code: String
    /// In Unicode scalars.
    public var cursor: Int

    enum CodingKeys: String, CodingKey {
        case code
        case cursor = "cursor_pos"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        code = try keys.decode(String.self, forKey: .code)
        cursor = clampedCursor(try keys.decodeIfPresent(Int.self, forKey: .cursor), in: code)
    }
}

/// The matches, and the range of the code that each of them replaces.
public struct CompleteReply: OutgoingContent, Encodable {
    public static let messageType = "complete_reply"
    public let status = "ok"
    public var matches: [String]
    /// Unicode scalars, as all positions in the protocol.
    public var cursorStart: Int
    public var cursorEnd: Int
    public var metadata: Metadata

    public struct Metadata: Encodable, Sendable {
        /// Beside the matches: what JupyterLab shows of each. Not in the protocol, but understood by all front ends.
        public var types: [Match]
        enum CodingKeys: String, CodingKey { case types = "_jupyter_types_experimental" }
    }

    public struct Match: Encodable, Sendable {
        public var text: String
        public var type: String
        public var signature: String?
        public var start: Int
        public var end: Int

        public init(text: String, type: String, signature: String?, start: Int, end: Int) {
            self.text = text
            self.type = type
            self.signature = signature
            self.start = start
            self.end = end
        }
    }

    enum CodingKeys: String, CodingKey {
        case status, matches, metadata
        case cursorStart = "cursor_start"
        case cursorEnd = "cursor_end"
    }

    public init(matches: [Match], cursorStart: Int, cursorEnd: Int) {
        self.matches = matches.map(\.text)
        self.cursorStart = cursorStart
        self.cursorEnd = cursorEnd
        metadata = Metadata(types: matches)
    }
}
