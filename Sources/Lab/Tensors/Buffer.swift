internal import CKernels

/// A piece of memory that tensors lie in, aligned to 64 bytes, given back when the last of them is gone.
final class Buffer: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let byteCount: Int
    /// The buffer this one is a part of.
    private let whole: Buffer?

    /// The memory is not cleared.
    init(byteCount: Int) {
        guard let address = kernels_allocate(byteCount) else {
            fatalError("Tensor: there is no memory for another \(byteCount / 1_048_576) MB")
        }
        self.address = address
        self.byteCount = byteCount
        whole = nil
    }

    /// A part of another buffer.
    init(of whole: Buffer, offset: Int, byteCount: Int) {
        address = whole.address + offset
        self.byteCount = byteCount
        self.whole = whole
    }

    deinit {
        if whole == nil { kernels_free(address, byteCount) }
    }

    func pointer<Scalar>(_ type: Scalar.Type = Scalar.self) -> UnsafeMutablePointer<Scalar> {
        address.assumingMemoryBound(to: type)
    }
}
