internal import Synchronization

/// Elements that are computed when someone first looks at them.
///
/// A convolution puts its work off, because the maximum pooling that usually follows can do both at once, and the
/// large result in between need never exist.
class Pending: @unchecked Sendable {
    private let computed = Mutex<Buffer?>(nil)

    /// The elements, computed by the first caller.
    final var contents: Buffer {
        computed.withLock { buffer in
            if let buffer { return buffer }
            let fresh = compute()
            buffer = fresh
            return fresh
        }
    }

    /// Whether nobody has looked yet.
    final var isUntouched: Bool { computed.withLock { $0 == nil } }

    func compute() -> Buffer { fatalError("Pending: compute() has to be overridden") }
}
