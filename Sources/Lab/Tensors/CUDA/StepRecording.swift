internal import CCUDA
internal import CKernels

/// What one thread puts on a GPU while it takes a training step: is it the same each time, and may it be captured?
final class StepRecording {
    /// What numbers that go to the GPU are, as far as a step that is repeated has to know.
    enum Numbers {
        /// The same in each step, or else the step cannot be repeated.
        case fixed
        /// Addresses, of which the captured ones stay.
        case addresses
        /// An optimizer's numbers, of which the first is the learning rate.
        case settings
        /// A generator's key and position.
        case random
    }
    struct Upload {
        let buffer: Buffer
        var bytes: [UInt8]
    }

    let thread: UInt64
    let isCapturing: Bool
    /// Where memory comes from that is asked for meanwhile: what a graph uses must never go to anyone else.
    let pool: DeviceMemory
    let complaints: DeviceComplaints
    private var hash = FNV1a()
    /// The kernels with their sizes and numbers, and all that was copied, in order.
    var signature: UInt64 { hash.value }
    /// Why the step cannot be repeated, if it cannot.
    var obstacle: String?
    /// What has to stay in its place as long as the graph lives, and what changes from step to step.
    private(set) var held: [Buffer] = []
    private(set) var settings: [Upload] = []
    private(set) var random: [Upload] = []

    init(isCapturing: Bool, _ pool: DeviceMemory, _ complaints: DeviceComplaints) {
        thread = kernels_thread_state().pointee.thread
        self.isCapturing = isCapturing
        self.pool = pool
        self.complaints = complaints
    }

    /// Keeps a buffer in its place as long as a graph may look there.
    func hold(_ buffer: Buffer) { if isCapturing { held.append(buffer) } }

    func note(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { hash.mix(byte) }
    }

    func note(_ text: String) { hash.mix(text) }

    func note(_ numbers: Int...) { numbers.withUnsafeBytes { note($0) } }

    func noteUpload(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, _ numbers: Numbers) {
        note(bytes.count)
        if isCapturing { held.append(buffer) }
        switch numbers {
        case .fixed: note(bytes)
        case .addresses: break
        case .settings:
            note(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(4)))
            settings.append(Upload(buffer: buffer, bytes: Array(bytes)))
        case .random: random.append(Upload(buffer: buffer, bytes: Array(bytes)))
        }
    }
}

/// A step of training that the GPU repeats by itself, as one CUDA graph.
///
/// The first step of a shape is taken as always, and the two after it as well, while it is noted what they put on the
/// GPU. Were both the same, the fourth is captured, and from then on a step is one launch: what changes (the images, the
/// learning rate, the random numbers) is written to its place beforehand. A step that reads a number meanwhile, or
/// copies others each time, is taken as always.
package final class RepeatedStep {
    private let gpu: GPU
    private var steps: [[Shape]: Step] = [:]
    /// Why steps are not repeated, where they are not.
    package private(set) var obstacle: String?
    /// How many steps were one launch.
    package private(set) var replayCount = 0

    private final class Step {
        let inputs: [Tensor]
        let pool: DeviceMemory
        let complaints: DeviceComplaints
        var taken = 0
        var signature: UInt64 = 0
        var graph: StepGraph?

        init(_ gpu: GPU, _ inputs: [Tensor]) throws {
            self.inputs = inputs.map { gpu.tensor($0.shape, $0.dtype, for: "images") }
            pool = DeviceMemory(gpu.device)
            complaints = try DeviceComplaints(gpu.device, pool)
        }
    }

    /// `nil` where parameters do not lie on a GPU.
    package init?(on device: Device) {
        guard let gpu = device.gpu else { return nil }
        self.gpu = gpu
    }

    /// One step: `body` gets the inputs on the GPU and returns the loss. The next call may write over the loss and the
    /// gradients that the body let out.
    package func run(
        _ inputs: [Tensor], rate: Double, randomness: RandomGenerator, _ body: ([Tensor]) -> Tensor
    ) -> Tensor {
        guard obstacle == nil else { return body(inputs.map { $0.on(gpu) }) }
        let key = inputs.map(\.shape)
        guard let step = steps[key] else {
            steps[key] = gpu.doing("training") { try Step(gpu, inputs) }
            return body(inputs.map { $0.on(gpu) })
        }
        for (input, place) in zip(inputs, step.inputs) {
            let source = input.on(gpu)
            gpu.copy(
                source.buffer, to: place.buffer, byteCount: source.elementCount * source.dtype.byteCount, for: "images")
        }
        if let graph = step.graph {
            replayCount += 1
            return graph.replay(rate: rate, randomness: randomness)
        }
        step.taken += 1
        if step.taken == 3 {
            guard let graph = StepGraph(gpu, step.pool, step.complaints, randomness, { body(step.inputs) }) else {
                step.taken = 0
                return body(step.inputs)
            }
            step.graph = graph
            replayCount += 1
            return graph.replay(rate: rate, randomness: randomness)
        }
        let recording = StepRecording(isCapturing: false, step.pool, step.complaints)
        guard let loss = gpu.record(recording, { body(step.inputs) }) else {
            step.taken = 0
            return body(step.inputs)
        }
        let unknown = recording.random.contains { StepGraph.number(of: $0, randomness) == nil }
        if unknown { recording.obstacle = "it draws random numbers that do not depend on the step" }
        if step.taken == 2, recording.signature != step.signature {
            recording.obstacle = recording.obstacle ?? "two steps in a row were not the same"
        }
        obstacle = recording.obstacle
        step.signature = recording.signature
        return loss
    }

    /// Whether what the kernels of a repeated step found wrong is to be told.
    package func checkComplaints() {
        for step in steps.values {
            if let complaint = gpu.doing("training", { try step.complaints.take(forgetting: false) }) {
                fail(complaint)
            }
        }
    }
}

/// A captured step.
final class StepGraph {
    private let gpu: GPU
    private let executable: LabGraphExec
    private let loss: Tensor
    private let recording: StepRecording
    /// Which of the step's streams of random numbers each upload is.
    private let numbers: [UInt64]

    /// Captures what `body` puts on the GPU; nothing of it runs. `nil` where another thread is recording.
    init?(
        _ gpu: GPU, _ pool: DeviceMemory, _ complaints: DeviceComplaints, _ randomness: RandomGenerator,
        _ body: () -> Tensor
    ) {
        self.gpu = gpu
        let recording = StepRecording(isCapturing: true, pool, complaints)
        self.recording = recording
        let captured = gpu.record(recording) {
            gpu.doing("training") { try gpu.device.beginCapture() }
            let loss = body()
            return (loss, gpu.doing("training") { try gpu.device.endCapture()! })
        }
        guard let captured else { return nil }
        (loss, executable) = captured
        if let obstacle = recording.obstacle {
            fail("training: a step that was repeated could not be captured, because \(obstacle)")
        }
        numbers = recording.random.map { Self.number(of: $0, randomness)! }
    }

    deinit {
        gpu.device.makeCurrent()
        _ = lab_cuStreamSynchronize(gpu.device.mainStream)
        _ = lab_cuGraphExecDestroy(executable)
    }

    /// The number that a step's generator was split by to give the one that was drawn from.
    static func number(of upload: StepRecording.Upload, _ randomness: RandomGenerator) -> UInt64? {
        let key = upload.bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        return (1...10_000).first { randomness.split($0).key == key }
    }

    func replay(rate: Double, randomness: RandomGenerator) -> Tensor {
        for settings in recording.settings {
            withUnsafeBytes(of: Float(rate)) { gpu.upload($0, to: settings.buffer, for: "optimizer") }
        }
        for (upload, number) in zip(recording.random, numbers) {
            withUnsafeBytes(of: randomness.split(number).key) { gpu.upload($0, to: upload.buffer, for: "random") }
        }
        gpu.device.makeCurrent()
        gpu.doing("training") {
            try check(lab_cuGraphLaunch(executable, gpu.device.mainStream), "launching a step")
        }
        return loss
    }
}
