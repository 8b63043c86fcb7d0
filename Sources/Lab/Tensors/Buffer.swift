internal import CCUDA
internal import CKernels

/// A piece of memory that tensors lie in, the processor's or a GPU's, given back when the last of them is gone. The
/// processor's is aligned to 64 bytes.
final class Buffer: @unchecked Sendable {
    /// `nil` on a GPU.
    private var memory: UnsafeMutableRawPointer?
    /// The GPU that the memory is on; `nil` for the processor.
    let gpu: GPU?
    /// Where it is on the GPU.
    private let piece: DeviceMemory.Piece?
    /// What the piece goes back to.
    private let home: DeviceMemory?
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
        memory = address
        (gpu, piece, home) = (nil, nil, nil)
        self.byteCount = byteCount
        whole = nil
        // What is smaller is not worth remembering.
        if byteCount >= 4096, !outlivesTape { Tape.current?.remember(self) }
    }

    /// A piece of a GPU's memory.
    init(on gpu: GPU, _ home: DeviceMemory, _ piece: DeviceMemory.Piece, outlivesTape: Bool = false) {
        memory = nil
        (self.gpu, self.piece, self.home) = (gpu, piece, home)
        byteCount = piece.byteCount
        whole = nil
        if byteCount >= 4096, !outlivesTape { Tape.current?.remember(self) }
    }

    /// A part of another buffer.
    init(of whole: Buffer, offset: Int, byteCount: Int) {
        memory = whole.memory.map { $0 + offset }
        (gpu, home) = (whole.gpu, whole.home)
        piece = whole.piece.map {
            DeviceMemory.Piece(address: $0.address + UInt64(offset), byteCount: byteCount)
        }
        self.byteCount = byteCount
        self.whole = whole
    }

    deinit {
        if whole == nil, !wasDiscarded { giveBack() }
    }

    /// The first bytes in memory of their own, on the same device.
    func copy(_ byteCount: Int) -> Buffer {
        if let gpu {
            let own = gpu.buffer(byteCount, for: "copy")
            gpu.copy(self, to: own, byteCount: byteCount, for: "copy")
            return own
        }
        let own = Buffer(byteCount: byteCount)
        own.address.copyMemory(from: address, byteCount: byteCount)
        return own
    }

    private func giveBack() {
        if let memory { return kernels_free(memory, byteCount) }
        // Who gets it works behind what still uses it, on the same stream.
        try? home!.free(piece!)
    }

    /// Where the processor finds the memory.
    var address: UnsafeMutableRawPointer { address(for: "this operation") }

    private func address(for operation: String) -> UnsafeMutableRawPointer {
        guard let memory else {
            fail(
                "Tensor: \(operation) does not run on \(Device.cuda(gpu!.device.ordinal).name) yet; take the tensor to the processor for it, with to(.cpu)"
            )
        }
        return memory
    }

    /// Where the GPU's kernels find it.
    var place: LabAddress { piece!.address }

    /// Gives the memory back, though references to this buffer remain: on the stack of a thread that never runs again.
    func discard() {
        guard whole == nil, !isDiscarded else { return }
        wasDiscarded = true
        giveBack()
        if memory != nil { memory = UnsafeMutableRawPointer(bitPattern: 64)! }
    }

    /// `operation` is the function that asks, for the sentence where the memory is on a GPU.
    func pointer<Scalar>(
        _ type: Scalar.Type = Scalar.self, for operation: StaticString = #function
    ) -> UnsafeMutablePointer<Scalar> {
        guard let memory else { return address(for: "`\(operation)`").assumingMemoryBound(to: type) }
        return memory.assumingMemoryBound(to: type)
    }
}
