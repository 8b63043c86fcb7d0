/// A line between an object here (a slider) and its counterpart in the front end. Messages arrive in order, either way.
///
/// Either side opens it: this one with `Frontend.openComm`, the other under a target that `Frontend.acceptComms` named.
public protocol Comm: AnyObject, Sendable {
    var id: String { get }
    /// False once either side has closed it; what is sent then is dropped.
    var isOpen: Bool { get }
    func send(_ payload: CommPayload)
    func close(_ payload: CommPayload)
    /// Called with every message from the front end. It may be called while a cell runs, on any thread.
    func onMessage(_ handler: @escaping @Sendable (CommPayload) -> Void)
    /// Called when the front end closes the comm.
    func onClose(_ handler: @escaping @Sendable (CommPayload) -> Void)
}

/// What one message on a comm carries.
public struct CommPayload: Sendable, Hashable {
    public var data: JSON
    public var metadata: JSON
    /// Bytes that travel beside the JSON, as they are: the pixels of a picture.
    public var buffers: [[UInt8]]

    public init(data: JSON = [:], metadata: JSON = [:], buffers: [[UInt8]] = []) {
        self.data = data
        self.metadata = metadata
        self.buffers = buffers
    }
}

extension Comm {
    public func close() { close(CommPayload()) }
}

extension Frontend {
    public func openComm(target: String, _ payload: CommPayload) -> (any Comm)? {
        openComm(target: target, id: nil, payload)
    }

    // What a front end without comms does.
    public func openComm(target: String, id: String?, _ payload: CommPayload) -> (any Comm)? { nil }
    public func acceptComms(target: String, _ opened: @escaping @Sendable (any Comm, CommPayload) -> Void) {}
    public var currentOutputID: String? { nil }
    public var isDark: Bool { false }
}
