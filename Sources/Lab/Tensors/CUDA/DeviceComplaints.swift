internal import CCUDA
internal import Synchronization

/// What kernels find wrong in their input: a label that is no class, a position that does not exist.
///
/// The processor looks before it computes. A kernel notes the first place instead, in a number of its own that starts as
/// the largest one, and whoever waits for the GPU next reads them.
final class DeviceComplaints: @unchecked Sendable {
    private let device: CUDADevice
    private let memory: DeviceMemory
    private let places: DeviceMemory.Piece
    /// The sentences, by number; each gets the place that the kernel noted.
    private let open = Mutex<[@Sendable (Int) -> String]>([])
    private static let most = 256
    private static let none = Int32.max

    init(_ device: CUDADevice, _ memory: DeviceMemory) throws {
        (self.device, self.memory) = (device, memory)
        places = try memory.allocate(Self.most * 4, for: "complaints")
        try forget()
    }

    private func forget() throws {
        device.makeCurrent()
        try check(
            lab_cuMemsetD32Async(places.address, UInt32(bitPattern: Self.none), Self.most, device.mainStream),
            "forgetting complaints")
    }

    /// Where a kernel may note a place. When too many are open, or nobody reads for long, the GPU is waited for.
    func place(_ sentence: @escaping @Sendable (Int) -> String) throws -> DevicePlace {
        let number = open.withLock { open in
            open.append(sentence)
            return open.count - 1
        }
        guard number >= Self.most else { return DevicePlace(address: places.address + UInt64(number * 4)) }
        try device.wait()
        if let complaint = try take() { fail(complaint) }
        return try place(sentence)
    }

    /// The first complaint since the last call, after somebody waited; `nil` where all is well. Kernels of a captured step
    /// may complain again, so their sentences are not forgotten.
    func take(forgetting: Bool = true) throws -> String? {
        let sentences = open.withLock { open in
            defer { if forgetting { open = [] } }
            return open
        }
        guard !sentences.isEmpty else { return nil }
        var noted = [Int32](repeating: Self.none, count: min(sentences.count, Self.most))
        try noted.withUnsafeMutableBytes { try device.download(places.address, to: $0) }
        try forget()
        return zip(sentences, noted).first { $0.1 != Self.none }.map { $0.0(Int($0.1)) }
    }
}

/// A place in device memory that belongs to no tensor.
struct DevicePlace: KernelArgument {
    let address: LabAddress
    func add(to arguments: inout KernelArguments) { arguments.add(address) }
}
