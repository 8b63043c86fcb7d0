/// Completions, and the range of Unicode scalars in the code that each of them replaces.
public struct Completions: Sendable {
    public struct Match: Sendable {
        /// What is inserted.
        public var text: String
        /// "function", "property", "struct", …
        public var kind: String?
        public var signature: String?
        public init(text: String, kind: String? = nil, signature: String? = nil) {
            self.text = text
            self.kind = kind
            self.signature = signature
        }
    }
    public var matches: [Match]
    public var range: Range<Int>
    public init(matches: [Match], range: Range<Int>) {
        self.matches = matches
        self.range = range
    }
}
