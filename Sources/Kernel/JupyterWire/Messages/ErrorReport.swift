/// On iopub: shows every client why a cell failed.
public struct ErrorReport: OutgoingContent, Encodable {
    public static let messageType = "error"
    public var name: String
    public var value: String
    public var traceback: [String]

    enum CodingKeys: String, CodingKey {
        case traceback
        case name = "ename"
        case value = "evalue"
    }

    public init(_ failure: ErrorReply) {
        name = failure.name
        value = failure.value
        traceback = failure.traceback
    }
}
