/// On shell: which cells were run, in this session and in earlier ones?
public struct HistoryRequest: IncomingContent {
    public static let messageType = "history_request"

    public enum Access: Sendable, Equatable {
        /// Lines `start..<stop` of one session; 0 is this one, -1 the one before it. `stop` may be open.
        case range(session: Int, start: Int, stop: Int?)
        /// The last `count` lines.
        case tail(count: Int)
        /// The last `count` lines that match a glob pattern; each text once if `unique`.
        case search(pattern: String, count: Int?, unique: Bool)
    }

    public var access: Access
    /// Whether to return results as well.
    public var includesOutput: Bool

    enum CodingKeys: String, CodingKey {
        case output, session, start, stop, n, pattern, unique
        case access = "hist_access_type"
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        includesOutput = try keys.decodeIfPresent(Bool.self, forKey: .output) ?? false
        let count = try keys.decodeIfPresent(Int.self, forKey: .n)
        switch try keys.decode(String.self, forKey: .access) {
        case "range":
            access = .range(
                session: try keys.decodeIfPresent(Int.self, forKey: .session) ?? 0,
                start: try keys.decodeIfPresent(Int.self, forKey: .start) ?? 0,
                stop: try keys.decodeIfPresent(Int.self, forKey: .stop))
        case "tail": access = .tail(count: count ?? 10)
        case "search":
            access = .search(
                pattern: try keys.decodeIfPresent(String.self, forKey: .pattern) ?? "*", count: count,
                unique: try keys.decodeIfPresent(Bool.self, forKey: .unique) ?? false)
        case let other:
            throw DecodingError.dataCorruptedError(
                forKey: .access, in: keys, debugDescription: "\"\(other)\" is none of range, tail and search")
        }
    }
}

/// The cells, in the order in which they were run.
public struct HistoryReply: OutgoingContent, Encodable {
    public static let messageType = "history_reply"
    public let status = "ok"
    public var history: [Entry]

    public init(history: [Entry]) {
        self.history = history
    }

    /// [session, line, input], or [session, line, [input, output]].
    public struct Entry: Encodable, Sendable, Equatable {
        public var session: Int
        public var line: Int
        public var input: String
        /// `nil`: not asked for. `.some(nil)`: there is none.
        public var output: String??

        public init(session: Int, line: Int, input: String, output: String?? = nil) {
            self.session = session
            self.line = line
            self.input = input
            self.output = output
        }

        public func encode(to encoder: any Encoder) throws {
            var values = encoder.unkeyedContainer()
            try values.encode(session)
            try values.encode(line)
            if let output {
                try values.encode([input, output])
            } else {
                try values.encode(input)
            }
        }
    }
}
