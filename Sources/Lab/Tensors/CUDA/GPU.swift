internal import CCUDA
internal import CKernels
internal import Display
internal import Synchronization

/// A GPU that tensors lie on and are computed on: its stream of work, its memory, its products of matrices.
///
/// There is one for each card, opened at the first use and kept. Operations do not throw, on the GPU as little as on
/// the processor: what goes wrong in one ends the cell with a sentence. Nothing is waited for but by whoever reads
/// elements.
final class GPU: @unchecked Sendable {
    let device: CUDADevice
    let memory: DeviceMemory
    let products: DeviceProducts
    private let ownComplaints: DeviceComplaints
    /// What the thread with that number puts on the GPU is recorded; 0 for none.
    private let recordingThread = Atomic<UInt64>(0)
    nonisolated(unsafe) private var recorder: StepRecording?
    private let constants = Mutex<[Constant: Buffer]>([:])
    private struct Constant: Hashable {
        let value: UInt64
        let dtype: DType
    }
    private static let opened = Mutex<[Int: GPU]>([:])

    private init(_ ordinal: Int) throws {
        if let missing = NVIDIALibraries.shared.missing.first {
            throw CUDAError(
                "opening GPU \(ordinal)", reason: "\(missing.library.rawValue) \(missing.problem ?? "is missing")")
        }
        device = try CUDADevice(ordinal)
        memory = DeviceMemory(device)
        products = try DeviceProducts(device, memory)
        ownComplaints = try DeviceComplaints(device, memory)
        // A thread that is abandoned while it takes a step must not leave the GPU recording.
        Interruption.onAbandonedThread { [weak self] thread in self?.abandon(thread) }
    }

    /// The GPU of the given number.
    static func open(_ ordinal: Int) throws -> GPU {
        try opened.withLock { opened in
            if let known = opened[ordinal] { return known }
            let fresh = try GPU(ordinal)
            opened[ordinal] = fresh
            return fresh
        }
    }

    /// The same; where it cannot be opened the cell ends.
    static func at(_ ordinal: Int) -> GPU {
        do { return try open(ordinal) } catch { fail("Device.cuda(\(ordinal)): \(error)") }
    }

    /// Ends the cell where `body` throws, with a sentence that names the operation and the GPU.
    func doing<Result>(_ operation: String, _ body: () throws -> Result) -> Result {
        do {
            return try body()
        } catch {
            let sentence = "\(operation), on GPU \(device.ordinal): \(error)"
            guard let error = error as? CUDAError, error.isFinal else { fail(sentence) }
            Device.lose(device.ordinal, "\(error)")
            fail(
                """
                \(sentence). The driver lets this process compute nothing more there, and what lay on the GPU is lost. New \
                tensors are made on the processor; restart the notebook's kernel to have the GPU again
                """)
        }
    }

    // MARK: - Recording

    /// The recording that the calling thread's work goes into.
    var recording: StepRecording? {
        let thread = recordingThread.load(ordering: .relaxed)
        return thread != 0 && thread == kernels_thread_state().pointee.thread ? recorder : nil
    }

    /// Records what `body` puts on the GPU; `nil` where another thread is recording already.
    func record<Result>(_ recording: StepRecording, _ body: () -> Result) -> Result? {
        guard recordingThread.compareExchange(expected: 0, desired: recording.thread, ordering: .relaxed).exchanged
        else { return nil }
        recorder = recording
        defer {
            recorder = nil
            recordingThread.store(0, ordering: .relaxed)
        }
        return body()
    }

    private func abandon(_ thread: UInt64) {
        defer { memory.abandonPools(of: thread) }
        guard recordingThread.load(ordering: .relaxed) == thread else { return }
        _ = try? device.endCapture()
        recorder = nil
        recordingThread.store(0, ordering: .relaxed)
    }

    /// Where kernels note what they find wrong.
    var complaints: DeviceComplaints { recording?.complaints ?? ownComplaints }

    // MARK: - Memory

    /// Memory that is not cleared. `operation` is who wants it, for the message when there is none left.
    func buffer(_ byteCount: Int, for operation: String, outlivesTape: Bool = false) -> Buffer {
        let memory = outlivesTape ? memory : recording?.pool ?? memory
        let piece = doing(operation) { try memory.allocate(byteCount, for: operation) }
        return Buffer(on: self, memory, piece, outlivesTape: outlivesTape)
    }

    /// Memory for what comes from the processor. While a step is captured the copy takes place at once, before the
    /// step's own kernels run, and so it must not lie where one of them writes something else.
    func input(_ byteCount: Int, for operation: String) -> Buffer {
        buffer(byteCount, for: operation, outlivesTape: recording?.isCapturing == true)
    }

    /// A tensor for a kernel to write.
    func tensor(_ shape: Shape, _ dtype: DType = .float32, for operation: String) -> Tensor {
        let buffer = buffer(shape.elementCount * dtype.byteCount, for: operation)
        return Tensor(handle: Handle(shape: shape, dtype: dtype, buffer: buffer))
    }

    /// What lies on the processor, copied.
    func upload(
        _ bytes: UnsafeRawBufferPointer, to buffer: Buffer, for operation: String,
        _ numbers: StepRecording.Numbers = .fixed
    ) {
        guard bytes.count > 0 else { return }
        recording?.noteUpload(bytes, to: buffer, numbers)
        doing(operation) { try device.upload(bytes, to: buffer.place) }
    }

    /// Waits until the bytes are there. An error of a kernel that ran since somebody last waited shows here.
    func download(_ buffer: Buffer, to bytes: UnsafeMutableRawBufferPointer, for operation: String) {
        guard bytes.count > 0 else { return }
        recording?.obstacle = "it reads elements meanwhile"
        doing(operation) { try device.download(buffer.place, to: bytes) }
        if let complaint = doing(operation, { try complaints.take() }) { fail(complaint) }
    }

    func copy(_ source: Buffer, to target: Buffer, byteCount: Int, for operation: String) {
        guard byteCount > 0 else { return }
        recording?.note("copy")
        recording?.note(byteCount)
        device.makeCurrent()
        doing(operation) {
            try check(
                lab_cuMemcpyDtoDAsync_v2(target.place, source.place, byteCount, device.stream),
                "copying \(byteCount) bytes")
        }
    }

    func clear(_ buffer: Buffer, for operation: String) {
        guard buffer.byteCount > 0 else { return }
        recording?.note("clear")
        recording?.note(buffer.byteCount)
        device.makeCurrent()
        doing(operation) {
            try check(
                lab_cuMemsetD8Async(buffer.place, 0, buffer.byteCount, device.stream),
                "clearing \(buffer.byteCount) bytes")
        }
    }

    /// Whole numbers for a kernel.
    func upload(_ numbers: [Int32], for operation: String) -> Buffer {
        let result = input(numbers.count * 4, for: operation)
        numbers.withUnsafeBytes { upload($0, to: result, for: operation) }
        return result
    }

    /// A number, the same one for all who want it: `x * 2` in a training step takes no memory and no time.
    func constant(_ value: Double, _ dtype: DType) -> Tensor {
        let key = Constant(value: value.bitPattern, dtype: dtype)
        if let known = constants.withLock({ $0[key] }) {
            recording?.hold(known)
            return Tensor(handle: Handle(shape: [], dtype: dtype, buffer: known))
        }
        // One that each step makes anew would stay what it was when the step was captured.
        recording?.obstacle = "it computes with other numbers each time (now \(value))"
        let source = Tensor.full([], value, dtype: dtype, on: nil)
        let fresh = Tensor(
            handle: Handle(
                shape: [], dtype: dtype, buffer: buffer(dtype.byteCount, for: "numbers", outlivesTape: true)))
        upload(
            UnsafeRawBufferPointer(start: source.buffer.address, count: dtype.byteCount), to: fresh.buffer,
            for: "numbers")
        constants.withLock { constants in
            if constants.count >= 1024 { constants = [:] }
            constants[key] = fresh.buffer
        }
        return fresh
    }

    // MARK: - Kernels

    /// Puts a kernel on the stream, with blocks enough for `count` elements. What lies in the operands stays there
    /// until it has run, whoever lets go of them: memory is handed out in the order of the stream.
    func launch<each Argument: KernelArgument>(
        _ operation: String, _ family: String, _ kernel: String, count: Int, _ arguments: repeat each Argument
    ) {
        launch(operation, family, kernel, blocks: (device.blocks(count), 1, 1), repeat each arguments)
    }

    func launch<each Argument: KernelArgument>(
        _ operation: String, _ family: String, _ kernel: String, blocks: (x: Int, y: Int, z: Int),
        _ arguments: repeat each Argument
    ) {
        var list = KernelArguments()
        for argument in repeat each arguments { argument.add(to: &list) }
        if let recording {
            recording.note(kernel)
            recording.note(blocks.x, blocks.y, blocks.z)
            for argument in repeat each arguments {
                if argument is any KernelPlace { continue }
                var number = KernelArguments()
                argument.add(to: &number)
                number.withBytes { recording.note($0) }
            }
        }
        doing(operation) { try device.launch(family, kernel, blocks: blocks, list) }
    }
}

/// What is given to a kernel as an address, which may be another one each time.
protocol KernelPlace: KernelArgument {}
extension Tensor: KernelPlace {}
extension Buffer: KernelPlace {}
extension DevicePlace: KernelPlace {}
extension Optional: KernelPlace where Wrapped == Tensor {}

/// What a kernel can be given: a tensor or a buffer of its GPU, a number, a structure of layouts.h.
protocol KernelArgument {
    func add(to arguments: inout KernelArguments)
}
extension Tensor: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(buffer.place) }
}
extension Buffer: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(place) }
}
/// Where there is none the kernel gets NULL.
extension Optional: KernelArgument where Wrapped == Tensor {
    func add(to arguments: inout KernelArguments) { arguments.add(self?.buffer.place ?? 0) }
}
/// The kernels' `Index`.
extension Int: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(Int64(self)) }
}
extension Int32: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}
extension Double: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}
extension Float: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}
extension LabBroadcast: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}
extension LabConvolution: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}
extension LabPooling: KernelArgument {
    func add(to arguments: inout KernelArguments) { arguments.add(self) }
}

// MARK: - Tensors on it

extension Tensor {
    /// Whether the elements lie on a GPU, or will when somebody looks at them.
    var isOnGPU: Bool { handle.isOnGPU }

    /// The GPU that the elements lie on.
    var gpu: GPU? { isOnGPU ? buffer.gpu : nil }

    /// The same elements on a GPU, of which gradients know nothing.
    func on(_ gpu: GPU) -> Tensor {
        if isShapeOnly { return withoutGradient() }
        let source = buffer
        if source.gpu === gpu { return withoutGradient() }
        guard source.gpu == nil else { return onProcessor().on(gpu) }
        let result = Tensor(
            handle: Handle(
                shape: shape, dtype: dtype, buffer: gpu.input(elementCount * dtype.byteCount, for: "to")))
        let bytes = UnsafeRawBufferPointer(start: source.address, count: elementCount * dtype.byteCount)
        gpu.upload(bytes, to: result.buffer, for: "to")
        return result
    }

    /// The same elements where the processor reads them, of which gradients know nothing.
    func onProcessor() -> Tensor {
        guard isOnGPU else { return withoutGradient() }
        let source = buffer
        let result = Tensor(uninitialized: shape, dtype)
        let bytes = UnsafeMutableRawBufferPointer(
            start: result.buffer.address, count: elementCount * dtype.byteCount)
        source.gpu!.download(source, to: bytes, for: "reading a tensor")
        return result
    }

    /// Two operands on the GPU that one of them lies on; a number or a mask from the processor is copied along.
    static func together(_ left: Tensor, _ right: Tensor) -> (left: Tensor, right: Tensor, gpu: GPU) {
        let gpu = left.gpu ?? right.gpu!
        return (left.on(gpu), right.on(gpu), gpu)
    }
}
