/// On shell and on control: the first that a client asks of a kernel.
public struct KernelInfoRequest: IncomingContent {
    public static let messageType = "kernel_info_request"
}

/// What the kernel is: its protocol, its language, what it can do.
public struct KernelInfoReply: OutgoingContent, Encodable {
    public static let messageType = "kernel_info_reply"
    public let status = "ok"
    public let protocolVersion = Protocol.version
    public var implementation: String
    public var implementationVersion: String
    public var languageInfo: Language
    public var banner: String
    public var helpLinks: [HelpLink]
    public var supportedFeatures: [String]
    /// Deprecated in 5.5, but clients still read it.
    public let debugger = false

    public struct Language: Encodable, Sendable {
        public var name: String
        public var version: String
        public var mimetype: String
        public var fileExtension: String
        public var pygmentsLexer: String?
        public var codemirrorMode: String?
        public var nbconvertExporter: String?

        enum CodingKeys: String, CodingKey {
            case name, version, mimetype
            case fileExtension = "file_extension"
            case pygmentsLexer = "pygments_lexer"
            case codemirrorMode = "codemirror_mode"
            case nbconvertExporter = "nbconvert_exporter"
        }

        public init(
            name: String, version: String, mimetype: String, fileExtension: String, pygmentsLexer: String? = nil,
            codemirrorMode: String? = nil, nbconvertExporter: String? = nil
        ) {
            self.name = name
            self.version = version
            self.mimetype = mimetype
            self.fileExtension = fileExtension
            self.pygmentsLexer = pygmentsLexer
            self.codemirrorMode = codemirrorMode
            self.nbconvertExporter = nbconvertExporter
        }
    }

    /// An entry of the front end's help menu.
    public struct HelpLink: Encodable, Sendable {
        public var text: String
        public var url: String
        public init(text: String, url: String) {
            self.text = text
            self.url = url
        }
    }

    enum CodingKeys: String, CodingKey {
        case status, implementation, banner, debugger
        case protocolVersion = "protocol_version"
        case implementationVersion = "implementation_version"
        case languageInfo = "language_info"
        case helpLinks = "help_links"
        case supportedFeatures = "supported_features"
    }

    public init(
        implementation: String, implementationVersion: String, languageInfo: Language, banner: String,
        helpLinks: [HelpLink], supportedFeatures: [String]
    ) {
        self.implementation = implementation
        self.implementationVersion = implementationVersion
        self.languageInfo = languageInfo
        self.banner = banner
        self.helpLinks = helpLinks
        self.supportedFeatures = supportedFeatures
    }
}
