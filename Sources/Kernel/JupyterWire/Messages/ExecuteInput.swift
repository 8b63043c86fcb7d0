/// On iopub: tells every client what a cell that one of them runs says.
public struct ExecuteInput: OutgoingContent, Encodable {
    public static let messageType = "execute_input"
    public var code: String
    public var executionCount: Int

    enum CodingKeys: String, CodingKey {
        case code
        case executionCount = "execution_count"
    }

    public init(code: String, executionCount: Int) {
        self.code = code
        self.executionCount = executionCount
    }
}
