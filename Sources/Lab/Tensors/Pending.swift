internal import CKernels
internal import Synchronization

/// Elements that are computed when someone first looks at them.
///
/// A convolution puts its work off, because the maximum pooling that usually follows can do both at once, and the
/// large result in between need never exist. So does batch normalisation, for the ReLU and the pooling behind it.
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

    /// Whether the elements will lie on a GPU.
    var isOnGPU: Bool { false }

    func compute() -> Buffer { fatalError("Pending: compute() has to be overridden") }

    /// The same followed by ReLU; `nil` where it is too late to join.
    func rectified() -> Tensor? { nil }

    /// The same followed by 2x2 maximum pooling; `nil` where it is too late or does not pay.
    func pooled() -> Tensor? { nil }

    // MARK: - Parameters change in place

    private struct Waiting {
        weak var pending: Pending?
        let thread: UInt64
    }
    private static let waiting = Mutex<[Waiting]>([])

    /// To be computed before any parameter changes, since it may depend on one.
    final func awaitParameterChange() {
        let thread = kernels_thread_state().pointee.thread
        Self.waiting.withLock { waiting in
            if waiting.count >= 64 { waiting.removeAll { $0.pending == nil } }
            waiting.append(Waiting(pending: self, thread: thread))
        }
    }

    /// Forgets what a thread put off that was abandoned: what it depends on may be gone.
    static func abandon(_ thread: UInt64) { waiting.withLock { $0.removeAll { $0.thread == thread } } }

    /// Computes what still waits. Whoever writes to a parameter's memory calls this first.
    package static func settle() {
        let alive = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting.compactMap(\.pending)
        }
        for pending in alive { _ = pending.contents }
    }
}
