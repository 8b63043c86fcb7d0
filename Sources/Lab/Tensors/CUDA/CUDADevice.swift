internal import CCUDA
internal import CKernels
internal import Display
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A GPU as kernels see it: its context, a stream of work, and the modules that were loaded.
///
/// Every call makes the context current first, because cells run on different threads.
final class CUDADevice: @unchecked Sendable {
    let ordinal: Int
    /// `sm_90`.
    let architecture: String
    let multiprocessors: Int
    private let context: LabContext
    /// Where work goes.
    let mainStream: LabStream
    /// Where that of a thread goes that is capturing: nothing of it runs.
    private let captureStream: LabStream
    private let capturingThread = Atomic<UInt64>(0)
    var stream: LabStream {
        let thread = capturingThread.load(ordering: .relaxed)
        return thread != 0 && thread == kernels_thread_state().pointee.thread ? captureStream : mainStream
    }
    private let compiler: KernelCompiler
    /// Events that nobody waits for just now.
    private let freeEvents = Mutex<[UInt]>([])
    private let loaded = Mutex(Loaded())
    private struct Loaded {
        var modules: [String: LabModule] = [:]
        var functions: [String: LabFunction] = [:]
        /// What was launched since somebody last waited, the newest last.
        var recent: [String] = []
    }
    /// Threads in a block: what the kernels are compiled for (`BLOCK` in common.cu).
    static let block = 256

    /// The device of the given number, with a compiler that keeps its binaries in `cache`.
    init(_ ordinal: Int, cache: String = KernelCompiler.cacheFolder) throws {
        func attribute(_ number: Int, _ device: Int32) throws -> Int {
            var value: Int32 = 0
            try check(lab_cuDeviceGetAttribute(&value, Int32(number), device), "asking the GPU for its properties")
            return Int(value)
        }
        var device: Int32 = 0
        try check(lab_cuDeviceGet(&device, Int32(ordinal)), "opening GPU \(ordinal)")
        let capability = try (attribute(LAB_CAPABILITY_MAJOR, device), attribute(LAB_CAPABILITY_MINOR, device))
        var context: LabContext?
        try check(lab_cuDevicePrimaryCtxRetain(&context, device), "opening GPU \(ordinal)")
        try check(lab_cuCtxSetCurrent(context), "opening GPU \(ordinal)")
        var stream: LabStream?
        try check(lab_cuStreamCreate(&stream, UInt32(LAB_STREAM_NON_BLOCKING)), "opening a stream of GPU \(ordinal)")
        var second: LabStream?
        try check(lab_cuStreamCreate(&second, UInt32(LAB_STREAM_NON_BLOCKING)), "opening a stream of GPU \(ordinal)")
        self.ordinal = ordinal
        architecture = "sm_\(capability.0)\(capability.1)"
        multiprocessors = try attribute(LAB_MULTIPROCESSORS, device)
        self.context = context!
        mainStream = stream!
        captureStream = second!
        compiler = try KernelCompiler(architecture: architecture, folder: cache)
    }

    deinit {
        makeCurrent()
        for event in freeEvents.withLock({ $0 }) { _ = lab_cuEventDestroy_v2(LabEvent(bitPattern: event)) }
        _ = lab_cuStreamDestroy_v2(mainStream)
        _ = lab_cuStreamDestroy_v2(captureStream)
        _ = lab_cuDevicePrimaryCtxRelease_v2(Int32(ordinal))
    }

    /// To be called before any other function of the driver, on whatever thread.
    func makeCurrent() { _ = lab_cuCtxSetCurrent(context) }

    /// Bytes free and in all.
    var memory: (free: Int, total: Int) {
        makeCurrent()
        var (free, total) = (0, 0)
        _ = lab_cuMemGetInfo_v2(&free, &total)
        return (free, total)
    }

    // MARK: - Kernels

    private func function(_ family: String, _ kernel: String) throws -> LabFunction {
        let name = "\(family).\(kernel)"
        return try loaded.withLock { loaded in
            if let known = loaded.functions[name] { return known }
            if loaded.modules[family] == nil {
                let binary = try compiler.binary(of: family)
                var module: LabModule?
                try check(lab_cuModuleLoadDataEx(&module, binary, 0, nil, nil), "loading the kernels of \(family)")
                loaded.modules[family] = module
            }
            var function: LabFunction?
            try check(lab_cuModuleGetFunction(&function, loaded.modules[family], kernel), "finding the kernel \(name)")
            loaded.functions[name] = function
            return function!
        }
    }

    /// Blocks enough for `count` elements, at most so many as keep the whole GPU busy: each thread goes on with the
    /// element a grid further.
    func blocks(_ count: Int) -> Int { max(1, min((count + Self.block - 1) / Self.block, multiprocessors * 16)) }

    /// Puts a kernel on the stream. What the arguments are is settled when this returns.
    func launch(
        _ family: String, _ kernel: String, blocks: (x: Int, y: Int, z: Int), _ arguments: KernelArguments
    ) throws {
        makeCurrent()
        let function = try function(family, kernel)
        loaded.withLock { loaded in
            if loaded.recent.count >= 64 { loaded.recent.removeFirst(32) }
            loaded.recent.append("\(family).\(kernel)")
        }
        try arguments.withAddresses { addresses in
            try check(
                lab_cuLaunchKernel(
                    function, UInt32(blocks.x), UInt32(blocks.y), UInt32(blocks.z), UInt32(Self.block), 1, 1, 0, stream,
                    addresses, nil),
                "launching \(family).\(kernel)")
        }
    }

    /// Waits for all that was put on the stream. An error there may come from any kernel since the last wait; the
    /// message names them.
    func wait() throws {
        let result = waitResult()
        let recent = loaded.withLock { loaded in
            defer { loaded.recent = [] }
            return loaded.recent
        }
        try check(
            result,
            recent.isEmpty ? "waiting for the GPU" : "running \(recent.suffix(8).reversed().joined(separator: ", or "))"
        )
    }

    private func waitResult() -> Int32 {
        makeCurrent()
        var event = freeEvents.withLock { $0.popLast() }.flatMap { LabEvent(bitPattern: $0) }
        if event == nil {
            let result = lab_cuEventCreate(&event, UInt32(LAB_EVENT_DISABLE_TIMING))
            guard result == LAB_SUCCESS else { return result }
        }
        let address = UInt(bitPattern: event)
        defer { freeEvents.withLock { $0.append(address) } }
        let result = lab_cuEventRecord(event, mainStream)
        return result == LAB_SUCCESS ? self.result(of: event!) : result
    }

    /// Waits until the GPU has come to an event. The driver is asked again and again, at first at once, then with
    /// pauses of a tenth of the time that has passed: whoever is stopped meanwhile stands in a pause, and not within
    /// the driver with its locks.
    func result(of event: LabEvent) -> Int32 {
        let start = ContinuousClock.now
        while true {
            makeCurrent()
            let result = lab_cuEventQuery(event)
            guard result == LAB_NOT_READY else { return result }
            let waited = (ContinuousClock.now - start).seconds
            if waited > 200e-6 { usleep(UInt32(min(2e-3, waited / 10) * 1e6)) }
        }
    }

    // MARK: - Capturing

    /// From now on what the calling thread launches is noted in a graph and does not run. Other threads go on as ever,
    /// and so do copies from the processor and whatever asks for memory: the relaxed mode allows them.
    func beginCapture() throws {
        makeCurrent()
        try check(lab_cuStreamBeginCapture_v2(captureStream, Int32(LAB_CAPTURE_RELAXED)), "capturing a step")
        capturingThread.store(kernels_thread_state().pointee.thread, ordering: .relaxed)
    }

    /// The graph, ready to be launched; `nil` where nothing was being captured. Any thread may end a capture.
    func endCapture() throws -> LabGraphExec? {
        guard capturingThread.exchange(0, ordering: .relaxed) != 0 else { return nil }
        makeCurrent()
        var graph: LabGraph?
        try check(lab_cuStreamEndCapture(captureStream, &graph), "capturing a step")
        defer { _ = lab_cuGraphDestroy(graph) }
        var executable: LabGraphExec?
        try check(lab_cuGraphInstantiateWithFlags(&executable, graph, 0), "capturing a step")
        return executable
    }

    // MARK: - Copies

    func upload(_ bytes: UnsafeRawBufferPointer, to address: LabAddress) throws {
        makeCurrent()
        try check(
            lab_cuMemcpyHtoDAsync_v2(address, bytes.baseAddress, bytes.count, mainStream),
            "copying \(bytes.count) bytes to the GPU")
    }

    /// Waits until the bytes are there.
    func download(_ address: LabAddress, to bytes: UnsafeMutableRawBufferPointer) throws {
        // To memory that is not pinned the driver copies when it has waited itself, and nobody could interrupt that.
        try wait()
        try check(
            lab_cuMemcpyDtoHAsync_v2(bytes.baseAddress, address, bytes.count, mainStream),
            "copying \(bytes.count) bytes from the GPU")
        try wait()
    }
}

/// The arguments of a kernel, in its order and of its types.
///
///     var arguments = KernelArguments()
///     arguments.add(x.address)
///     arguments.add(Int64(count))
struct KernelArguments {
    private var bytes: [UInt64] = []
    private var starts: [Int] = []

    /// A number, an address or a structure of layouts.h.
    mutating func add<Value: BitwiseCopyable>(_ value: Value) {
        starts.append(bytes.count)
        let words = (MemoryLayout<Value>.size + 7) / 8
        bytes.append(contentsOf: repeatElement(0, count: words))
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: starts.last! * 8, as: Value.self) }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) { bytes.withUnsafeBytes { body($0) } }

    func withAddresses<Result>(_ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>) throws -> Result) rethrows
        -> Result
    {
        var bytes = bytes
        return try bytes.withUnsafeMutableBytes { memory in
            let base = memory.baseAddress
            var addresses = starts.map { start in base.map { $0 + start * 8 } }
            addresses.append(nil)
            return try addresses.withUnsafeMutableBufferPointer { try body($0.baseAddress!) }
        }
    }
}
