public import Display

/// On iopub: the value of a cell's last expression.
public struct ExecuteResult: OutgoingContent {
    public static let messageType = "execute_result"
    public var bundle: MimeBundle
    public var executionCount: Int

    public init(_ bundle: MimeBundle, executionCount: Int) {
        self.bundle = bundle
        self.executionCount = executionCount
    }

    public func serialized() -> [UInt8] {
        bundle.serialized(alongside: ["execution_count": .integer(executionCount)])
    }
}
