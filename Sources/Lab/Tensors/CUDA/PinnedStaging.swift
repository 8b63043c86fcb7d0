internal import CCUDA

/// Memory that a GPU copies from by itself: while it does, the processor fills the other half.
///
/// Two pieces, an event each. A copy from ordinary memory goes through pieces of the driver's own, which the processor
/// has to wait for.
final class PinnedStaging {
    private struct Slot {
        var memory: UnsafeMutableRawPointer?
        var capacity = 0
        var event: LabEvent?
    }
    private let device: CUDADevice
    private var slots = [Slot(), Slot()]
    private var next = 0

    init(_ device: CUDADevice) { self.device = device }

    deinit {
        device.makeCurrent()
        for slot in slots {
            guard let event = slot.event else { continue }
            _ = device.result(of: event)
            _ = lab_cuEventDestroy_v2(event)
            if let memory = slot.memory { _ = lab_cuMemFreeHost(memory) }
        }
    }

    /// Copies several pieces to the GPU, in the order of its stream. They may change as soon as this returns.
    func upload(_ pieces: [(bytes: UnsafeRawBufferPointer, address: LabAddress)]) throws {
        let line = 64  // bytes of a cache line, where each piece begins
        func rounded(_ count: Int) -> Int { (count + line - 1) / line * line }
        let size = pieces.reduce(0) { $0 + rounded($1.bytes.count) }
        guard size > 0 else { return }
        device.makeCurrent()
        defer { next = 1 - next }
        if let event = slots[next].event {
            // The copy before the last one; as a rule it has long been made.
            try check(device.result(of: event), "waiting for a copy to the GPU")
        } else {
            try check(
                lab_cuEventCreate(&slots[next].event, UInt32(LAB_EVENT_DISABLE_TIMING)), "preparing copies to the GPU")
        }
        if slots[next].capacity < size {
            if let old = slots[next].memory { _ = lab_cuMemFreeHost(old) }
            slots[next].memory = nil
            slots[next].capacity = 0
            if lab_cuMemHostAlloc(&slots[next].memory, size, 0) == LAB_SUCCESS { slots[next].capacity = size }
        }
        guard var place = slots[next].memory else {
            // A system may forbid so much of it. The driver's own way is slower, and no less right.
            for (bytes, address) in pieces where bytes.count > 0 { try device.upload(bytes, to: address) }
            return
        }
        for (bytes, address) in pieces where bytes.count > 0 {
            place.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            try check(
                lab_cuMemcpyHtoDAsync_v2(address, place, bytes.count, device.mainStream),
                "copying \(bytes.count) bytes to the GPU")
            place += rounded(bytes.count)
        }
        try check(lab_cuEventRecord(slots[next].event, device.mainStream), "copying to the GPU")
    }
}
