internal import CCUDA
internal import CKernels
internal import Synchronization

/// The memory of one GPU, handed out in the order of a stream and kept for the next that wants some.
///
/// `cuMemAlloc` costs far more than a small kernel, and `cuMemFree` waits for the whole device. So memory is taken in
/// large segments, cut where it is asked for and joined again when it comes back. A piece that comes back may be handed
/// out at once, while kernels that use it are still queued: whoever gets it puts its own work behind theirs on the same
/// stream. Where another stream used it, too, the memory's own stream is made to wait for that one.
final class DeviceMemory: @unchecked Sendable {
    /// A piece of device memory.
    struct Piece: Sendable, Hashable {
        let address: LabAddress
        let byteCount: Int
    }

    private struct Free {
        var address: LabAddress
        var byteCount: Int
        var segment: Int
    }
    private struct Used {
        var byteCount: Int
        var asked: Int
        var segment: Int
        var label: String
    }
    private struct State {
        /// By address, so that neighbours are found.
        var free: [LabAddress: Free] = [:]
        /// The end of each free piece, to its beginning.
        var freeEnds: [LabAddress: LabAddress] = [:]
        var used: [LabAddress: Used] = [:]
        var segments: [Int: Piece] = [:]
        var nextSegment = 0
        var peak = 0
        var inUse = 0
        /// Whether the thread that it was for is gone, in the middle of a step.
        var isAbandoned = false
        var kept: Int { segments.values.reduce(0) { $0 + $1.byteCount } - inUse }
        var askedByLabel: [String: Int] {
            Dictionary(used.values.map { ($0.label, $0.asked) }, uniquingKeysWith: +)
        }
    }

    private let device: CUDADevice
    private let state = Mutex(State())
    /// What gives back what it only keeps when there is no memory left here.
    private let reserve: DeviceMemory?
    /// The thread that this memory was made by, and is for if it has a reserve.
    let thread: UInt64
    /// Those that have this one as their reserve.
    private let pools = Mutex<[Pool]>([])
    private struct Pool { weak var memory: DeviceMemory? }
    /// Pieces begin at multiples of this: what the widest loads and cuBLAS like.
    static let alignment = 512
    /// What is asked of the driver at least.
    static let segmentBytes = 2 << 20

    /// With a `reserve` it is memory that captured steps look at whether it is handed out or not: nothing of it goes
    /// back before all of it does.
    init(_ device: CUDADevice, reserve: DeviceMemory? = nil) {
        (self.device, self.reserve) = (device, reserve)
        thread = kernels_thread_state().pointee.thread
        reserve?.pools.withLock { pools in
            pools.removeAll { $0.memory == nil }
            pools.append(Pool(memory: self))
        }
    }

    deinit {
        device.makeCurrent()
        _ = lab_cuStreamSynchronize(device.mainStream)
        for segment in state.withLock({ $0.segments.values.map(\.address) }) { _ = lab_cuMemFree_v2(segment) }
    }

    /// Bytes handed out, kept for later, and the most that ever were out.
    var figures: (inUse: Int, kept: Int, peak: Int) {
        state.withLock { state in
            (state.inUse, state.kept, state.peak)
        }
    }

    /// Memory for `byteCount` bytes, not cleared. `label` says for whom, for the message when there is no more.
    func allocate(_ byteCount: Int, for label: String) throws -> Piece {
        let size = (max(byteCount, 1) + Self.alignment - 1) / Self.alignment * Self.alignment
        return try state.withLock { state in
            if let piece = Self.take(size, byteCount, label, &state) { return piece }
            var taken = max(size, Self.segmentBytes)
            device.makeCurrent()
            var address: LabAddress = 0
            var result = lab_cuMemAlloc_v2(&address, taken)
            if result == LAB_OUT_OF_MEMORY {
                // What lies unused goes back first; only then is there really none. Nothing queued may still use it.
                if let reserve { try reserve.releaseUnused() } else { try releaseUnused(&state) }
                result = lab_cuMemAlloc_v2(&address, taken)
                // The last bit may be enough for this one.
                if result == LAB_OUT_OF_MEMORY, size < taken {
                    taken = size
                    result = lab_cuMemAlloc_v2(&address, taken)
                }
            }
            if result == LAB_OUT_OF_MEMORY { throw outOfMemory(byteCount, label, state) }
            try check(result, "asking the GPU for \(byteCount) bytes")
            state.segments[state.nextSegment] = Piece(address: address, byteCount: taken)
            Self.putBack(Free(address: address, byteCount: taken, segment: state.nextSegment), &state)
            state.nextSegment += 1
            return Self.take(size, byteCount, label, &state)!
        }
    }

    /// Takes a piece back. `streams` are others than the device's own on which work was queued that uses it.
    func free(_ piece: Piece, alsoUsedOn streams: [LabStream] = []) throws {
        device.makeCurrent()
        for stream in streams {
            var event: LabEvent?
            try check(lab_cuEventCreate(&event, UInt32(LAB_EVENT_DISABLE_TIMING)), "giving memory back")
            defer { _ = lab_cuEventDestroy_v2(event) }
            try check(lab_cuEventRecord(event, stream), "giving memory back")
            try check(lab_cuStreamWaitEvent(device.mainStream, event, 0), "giving memory back")
        }
        state.withLock { state in
            guard let used = state.used.removeValue(forKey: piece.address) else {
                fatalError("DeviceMemory: a piece of \(piece.byteCount) bytes was given back twice")
            }
            state.inUse -= used.byteCount
            Self.putBack(Free(address: piece.address, byteCount: used.byteCount, segment: used.segment), &state)
            if state.isAbandoned { try? releaseUnused(&state) }
        }
    }

    /// What a step of an abandoned thread has taken goes back, as far as nobody uses it: that step is never taken
    /// again.
    func abandonPools(of thread: UInt64) {
        for pool in pools.withLock({ $0.compactMap(\.memory) }) where pool.thread == thread {
            pool.state.withLock { state in
                state.isAbandoned = true
                try? pool.releaseUnused(&state)
            }
        }
    }

    /// Gives segments of which nothing is in use back to the driver, after waiting for what is queued.
    func releaseUnused() throws { try state.withLock { try releaseUnused(&$0) } }

    private func releaseUnused(_ state: inout State) throws {
        device.makeCurrent()
        try check(lab_cuStreamSynchronize(device.mainStream), "waiting for the GPU")
        for (number, segment) in state.segments {
            guard let free = state.free[segment.address], free.byteCount == segment.byteCount else { continue }
            try check(lab_cuMemFree_v2(segment.address), "giving memory back")
            state.free[segment.address] = nil
            state.freeEnds[segment.address + UInt64(segment.byteCount)] = nil
            state.segments[number] = nil
        }
    }

    // MARK: - Cutting and joining

    /// The smallest free piece that is large enough, of equal ones the one at the lowest address.
    private static func take(_ size: Int, _ asked: Int, _ label: String, _ state: inout State) -> Piece? {
        let fitting = state.free.values.filter { $0.byteCount >= size }
        guard let best = fitting.min(by: { ($0.byteCount, $0.address) < ($1.byteCount, $1.address) }) else {
            return nil
        }
        state.free[best.address] = nil
        state.freeEnds[best.address + UInt64(best.byteCount)] = nil
        if best.byteCount > size {
            let rest = Free(
                address: best.address + UInt64(size), byteCount: best.byteCount - size, segment: best.segment)
            state.free[rest.address] = rest
            state.freeEnds[rest.address + UInt64(rest.byteCount)] = rest.address
        }
        state.used[best.address] = Used(byteCount: size, asked: asked, segment: best.segment, label: label)
        state.inUse += size
        state.peak = max(state.peak, state.inUse)
        return Piece(address: best.address, byteCount: asked)
    }

    private static func putBack(_ piece: Free, _ state: inout State) {
        var piece = piece
        if let next = state.free[piece.address + UInt64(piece.byteCount)], next.segment == piece.segment {
            state.free[next.address] = nil
            state.freeEnds[next.address + UInt64(next.byteCount)] = nil
            piece.byteCount += next.byteCount
        }
        if let start = state.freeEnds[piece.address], let before = state.free[start], before.segment == piece.segment {
            state.free[start] = nil
            state.freeEnds[piece.address] = nil
            piece = Free(address: start, byteCount: before.byteCount + piece.byteCount, segment: piece.segment)
        }
        state.free[piece.address] = piece
        state.freeEnds[piece.address + UInt64(piece.byteCount)] = piece.address
    }

    private func outOfMemory(_ asked: Int, _ label: String, _ state: State) -> DeviceMemoryError {
        // Who uses how much, here and where this memory's reserve is.
        let reserved = reserve?.state.withLock { ($0.askedByLabel, $0.inUse, $0.kept) }
        var users = state.askedByLabel.merging(reserved?.0 ?? [:], uniquingKeysWith: +)
        var inUse = state.inUse + (reserved?.1 ?? 0)
        let kept = state.kept + (reserved?.2 ?? 0)
        for pool in pools.withLock({ $0.compactMap(\.memory) }) {
            // The figures of another thread's that asks for memory just now cannot be had.
            guard let byteCount = pool.state.withLockIfAvailable({ $0.inUse + $0.kept }), byteCount > 0 else {
                continue
            }
            users["steps of training", default: 0] += byteCount
            inUse += byteCount
        }
        return DeviceMemoryError(
            asked: asked, label: label, inUse: inUse, kept: kept, free: device.memory.free,
            total: device.memory.total,
            users: users.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(5).map { ($0.key, $0.value) })
    }
}

/// There is no more memory on the GPU. The session goes on: nothing was changed.
struct DeviceMemoryError: Error, CustomStringConvertible {
    /// Bytes that were wanted, and for whom.
    var asked: Int
    var label: String
    /// Bytes that this process uses, those it keeps in pieces that are too small, those free on the device, and all of
    /// them.
    var inUse: Int
    var kept: Int
    var free: Int
    var total: Int
    /// Who uses the most, in bytes.
    var users: [(label: String, byteCount: Int)]

    var description: String {
        func megabytes(_ bytes: Int) -> String { bytes < 10 << 20 ? "\((bytes + 1023) >> 10) KB" : "\(bytes >> 20) MB" }
        let most = users.map { "\($0.label) \(megabytes($0.byteCount))" }.joined(separator: ", ")
        return """
            the GPU has no \(megabytes(asked)) for \(label): of \(megabytes(total)) are \(megabytes(free)) free, \
            \(megabytes(inUse)) in use here, \(megabytes(kept)) kept in smaller pieces\
            \(users.isEmpty ? "" : " (most by \(most))"). Use smaller batches, or let tensors go that are not needed
            """
    }
}
