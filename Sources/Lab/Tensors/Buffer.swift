internal import CKernels

/// A piece of memory that tensors lie in, aligned to 64 bytes, given back when the last of them is gone.
final class Buffer: @unchecked Sendable {
    private(set) var address: UnsafeMutableRawPointer
    let byteCount: Int
    /// The buffer this one is a part of.
    private let whole: Buffer?
    /// Whether the memory is gone: it belonged to a computation that ended in a trap.
    var isDiscarded: Bool { whole?.isDiscarded ?? wasDiscarded }
    private var wasDiscarded = false

    /// The memory is not cleared. It is discarded when the calling thread is abandoned inside the `valueAndGradient`
    /// that it is in, unless it outlives that: parameters do.
    init(byteCount: Int, outlivesTape: Bool = false) {
        guard let address = kernels_allocate(byteCount) else {
            fatalError("Tensor: there is no memory for another \(byteCount / 1_048_576) MB")
        }
        self.address = address
        self.byteCount = byteCount
        whole = nil
        // What is smaller is not worth remembering.
        if byteCount >= 4096, !outlivesTape { Tape.current?.remember(self) }
    }

    /// A part of another buffer.
    init(of whole: Buffer, offset: Int, byteCount: Int) {
        address = whole.address + offset
        self.byteCount = byteCount
        self.whole = whole
    }

    deinit {
        if whole == nil, !wasDiscarded { kernels_free(address, byteCount) }
    }

    /// Gives the memory back, though references to this buffer remain: on the stack of a thread that never runs again.
    func discard() {
        guard whole == nil, !isDiscarded else { return }
        wasDiscarded = true
        kernels_free(address, byteCount)
        address = UnsafeMutableRawPointer(bitPattern: 64)!
    }

    func pointer<Scalar>(_ type: Scalar.Type = Scalar.self) -> UnsafeMutablePointer<Scalar> {
        address.assumingMemoryBound(to: type)
    }
}
