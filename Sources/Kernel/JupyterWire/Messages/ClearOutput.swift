/// On iopub: removes a cell's output: at once, or when the next comes.
public struct ClearOutput: OutgoingContent, Encodable {
    public static let messageType = "clear_output"
    public var wait: Bool

    public init(wait: Bool) {
        self.wait = wait
    }
}
