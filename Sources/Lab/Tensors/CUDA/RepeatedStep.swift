internal import CCUDA

/// A step of training that the GPU repeats by itself, as one CUDA graph.
///
///     let repeated = RepeatedStep(on: .cuda(0))!
///     repeated.run(.copied([images, labels]), rates: [0.01], randomness: [generator]) { inputs, rate, generator in … }
///     repeated.takeTotals()                             // (sum: 2.3, count: 1, firstBad: nil)
///
/// The first step of a shape is taken as always, and the two after it as well, while it is noted what they put on the
/// GPU. Were both the same, the fourth is captured, and from then on a step is one launch: what changes (the images,
/// the learning rate, the random numbers) comes from a plan in device memory. A step that reads a number meanwhile, or
/// copies others each time, is taken as always. Nobody waits for the loss: losses are added up on the GPU.
package final class RepeatedStep {
    /// Where the images of a step come from.
    package enum Inputs {
        /// From the processor, for one step.
        case copied([Tensor])
        /// From the data set there, in the order it was given: so many from a place on, and as many for each further
        /// step.
        case resident(ResidentImages, start: Int, count: Int)
    }
    /// How many steps one launch of a graph takes where it takes several.
    package var stepsPerLaunch = 8
    /// How many steps are planned at once (`PLAN_STEPS` in steps.cu).
    package static let stepsPerPlan = 64
    /// Where the plan has its rates and its keys, in words of 8 bytes.
    private static let rates = 2
    private static let keys = rates + stepsPerPlan / 2
    /// Random numbers that a step draws from at most.
    private static let mostKeys = 64

    private let gpu: GPU
    private var steps: [[Shape]: Step] = [:]
    private let totals: Buffer
    private let staging: PinnedStaging
    /// Behind the last calls of `run`: the processor is never further ahead.
    private var events: [LabEvent?] = [nil, nil]
    private var runs = 0
    /// Why steps are not repeated, where they are not.
    package private(set) var obstacle: String?
    /// How many steps were taken as part of a graph, and by how many launches.
    package private(set) var replayCount = 0
    package private(set) var launchCount = 0
    /// Whether several steps are one launch: where the launches take longer than the steps. `nil` has it measured.
    package var takesSeveral: Bool?

    private final class Step {
        /// Where images that are copied go; empty where they lie on the GPU.
        let inputs: [Tensor]
        let pool: DeviceMemory
        let complaints: DeviceComplaints
        let plan: Buffer
        var taken = 0
        var signature: UInt64 = 0
        var rateCount = 0
        var keyCount = 0
        /// By the number of steps in them.
        var graphs: [Int: StepGraph] = [:]

        init(_ gpu: GPU, _ inputs: Inputs) throws {
            if case .copied(let tensors) = inputs {
                self.inputs = tensors.map { gpu.tensor($0.shape, $0.dtype, for: "images") }
            } else {
                self.inputs = []
            }
            pool = DeviceMemory(gpu.device, reserve: gpu.memory)
            complaints = try DeviceComplaints(gpu.device, pool)
            plan = gpu.buffer(
                (keys + stepsPerPlan * mostKeys) * 8, for: "training", outlivesTape: true)
        }
    }

    /// `nil` where parameters do not lie on a GPU.
    package init?(on device: Device) {
        guard let gpu = device.gpu else { return nil }
        self.gpu = gpu
        totals = gpu.buffer(3 * 8, for: "training", outlivesTape: true)
        staging = PinnedStaging(gpu.device)
        gpu.clear(totals, for: "training")
    }

    deinit {
        gpu.device.makeCurrent()
        for event in events where event != nil { _ = lab_cuEventDestroy_v2(event) }
    }

    /// What one step is: its inputs, its learning rate and its random numbers come in, the loss comes out.
    package typealias Body = ([Tensor], _ rate: Double, _ randomness: RandomGenerator) -> Tensor

    /// How many steps `run` may be given at once for such inputs: those of a large network come one by one, so that
    /// whoever wants to stop does not wait for many.
    package func reach(_ inputs: Inputs) -> Int {
        guard case .resident = inputs, obstacle == nil, takesSeveral == true, steps[key(inputs)]?.graphs[1] != nil
        else { return 1 }
        return Self.stepsPerPlan
    }

    private func key(_ inputs: Inputs) -> [Shape] {
        switch inputs {
        case .copied(let tensors): tensors.map(\.shape)
        case .resident(_, _, let count): [[count]]
        }
    }

    /// Takes as many steps as there are rates, in the order of the stream; more than `reach` says only if they are all
    /// of this shape. Returns before they have been computed, at most two calls ahead of the GPU.
    package func run(_ inputs: Inputs, rates: [Double], randomness: [RandomGenerator], _ body: Body) {
        gpu.device.makeCurrent()
        gpu.doing("training") {
            if let event = events[runs % 2] {
                try check(gpu.device.result(of: event), "waiting for a step")
            } else {
                try check(
                    lab_cuEventCreate(&events[runs % 2], UInt32(LAB_EVENT_DISABLE_TIMING)), "preparing a step")
            }
        }
        take(inputs, rates: rates, randomness: randomness, body)
        gpu.device.makeCurrent()
        gpu.doing("training") {
            try check(lab_cuEventRecord(events[runs % 2], gpu.device.mainStream), "taking a step")
        }
        runs += 1
    }

    private func take(_ inputs: Inputs, rates: [Double], randomness: [RandomGenerator], _ body: Body) {
        let key = key(inputs)
        let step: Step
        if let known = steps[key] {
            step = known
        } else {
            step = gpu.doing("training") { try Step(gpu, inputs) }
            steps[key] = step
        }
        prepare(step, inputs, rates, randomness)
        var done = 0
        while done < rates.count {
            let (rate, generator) = (rates[done], randomness[done])
            if let single = step.graphs[1] {
                let several = rates.count - done >= stepsPerLaunch && takesSeveral == true
                if several, step.graphs[stepsPerLaunch] == nil {
                    step.graphs[stepsPerLaunch] = capture(step, inputs, stepsPerLaunch, rate, generator, body)
                }
                let graph = several ? step.graphs[stepsPerLaunch] ?? single : single
                launch(graph)
                done += graph.stepCount
                continue
            }
            done += 1
            if obstacle == nil, step.taken == 1 || step.taken == 2 {
                record(step, inputs, rate, generator, body)
            } else if obstacle == nil, step.taken == 3, let graph = capture(step, inputs, 1, rate, generator, body) {
                step.graphs[1] = graph
                // Only now it is known what random numbers a plan has.
                prepare(step, inputs, rates, randomness)
                measured { launch(graph) }
            } else {
                step.taken = max(step.taken, 1)
                takeStep(step, inputs, rate, generator, body)
            }
        }
    }

    /// One step as the GPU sees it, without its beginning.
    private func takeStep(
        _ step: Step, _ inputs: Inputs, _ rate: Double, _ randomness: RandomGenerator, _ body: Body
    ) {
        let loss: Tensor
        var count = 0
        switch inputs {
        case .copied: loss = body(step.inputs, rate, randomness)
        case .resident(let images, _, count: let size):
            count = size
            let (pixels, labels) = images.batch(of: size, at: DevicePlace(step.plan, 8))
            loss = body([pixels, labels], rate, randomness)
        }
        gpu.launch(
            "training", "steps", "end_step_\(loss.dtype == .float64 ? "float64" : "float32")", blocks: (1, 1, 1), loss,
            step.plan, totals, count)
    }

    private func record(
        _ step: Step, _ inputs: Inputs, _ rate: Double, _ randomness: RandomGenerator, _ body: Body
    ) {
        step.taken += 1
        let recording = StepRecording(isCapturing: false, step.pool, step.complaints)
        guard gpu.record(recording, { takeStep(step, inputs, rate, randomness, body) }) != nil else {
            // Another thread trains there, too.
            step.taken = 1
            return takeStep(step, inputs, rate, randomness, body)
        }
        step.rateCount = recording.settings.count
        step.keyCount = recording.random.count
        let isUnknown = recording.random.contains { StepGraph.path(of: $0, randomness) == nil }
        if isUnknown { recording.obstacle = "it draws random numbers that do not depend on the step" }
        if step.keyCount > Self.mostKeys { recording.obstacle = "it draws random numbers \(step.keyCount) times" }
        if step.taken == 3, recording.signature != step.signature {
            recording.obstacle = recording.obstacle ?? "two steps in a row were not the same"
        }
        obstacle = recording.obstacle
        step.signature = recording.signature
    }

    // MARK: - Graphs

    /// Captures some steps one after the other; nothing of them runs. `nil` where another thread is recording.
    private func capture(
        _ step: Step, _ inputs: Inputs, _ stepCount: Int, _ rate: Double, _ randomness: RandomGenerator, _ body: Body
    ) -> StepGraph? {
        let recording = StepRecording(isCapturing: true, step.pool, step.complaints)
        let table = 2 + step.rateCount + step.keyCount
        let places = (0..<stepCount).map { _ in
            gpu.buffer(table * 8, for: "training", outlivesTape: true)
        }
        let executable = gpu.record(recording) {
            gpu.doing("training") { try gpu.device.beginCapture() }
            for number in 0..<stepCount {
                gpu.launch(
                    "training", "steps", "begin_step", count: step.rateCount + step.keyCount, step.plan, places[number])
                takeStep(step, inputs, rate, randomness, body)
            }
            return gpu.doing("training") { try gpu.device.endCapture()! }
        }
        guard let executable else { return nil }
        if let obstacle = recording.obstacle {
            fail("training: a step that was repeated could not be captured, because \(obstacle)")
        }
        guard recording.settings.count == stepCount * step.rateCount,
            recording.random.count == stepCount * step.keyCount
        else { fail("training: a step that was repeated was another one when it was captured") }
        for number in 0..<stepCount {
            let rates = recording.settings.dropFirst(number * step.rateCount).prefix(step.rateCount)
            let keys = recording.random.dropFirst(number * step.keyCount).prefix(step.keyCount)
            let addresses =
                [UInt64(step.rateCount), UInt64(step.keyCount)] + rates.map(\.buffer.place) + keys.map(\.buffer.place)
            addresses.withUnsafeBytes { gpu.upload($0, to: places[number], for: "training") }
        }
        return StepGraph(
            gpu, executable, stepCount, holding: recording.held + places,
            draws: recording.random.prefix(step.keyCount).map { StepGraph.path(of: $0, randomness)! })
    }

    /// Sends what the next steps need to know, and the images that are copied: while the steps before are computed.
    private func prepare(_ step: Step, _ inputs: Inputs, _ rates: [Double], _ randomness: [RandomGenerator]) {
        var words = [UInt64](repeating: 0, count: Self.keys)
        if case .resident(_, let start, _) = inputs { words[1] = UInt64(start) }
        words.withUnsafeMutableBytes { bytes in
            for (index, rate) in rates.enumerated() {
                bytes.storeBytes(of: Float(rate), toByteOffset: Self.rates * 8 + index * 4, as: Float.self)
            }
        }
        if let draws = step.graphs[1]?.draws {
            for generator in randomness { words += draws.map { path in path.reduce(generator) { $0.split($1) }.key } }
        }
        var tensors: [Tensor] = []
        if case .copied(let given) = inputs { tensors = given }
        words.withUnsafeBytes { plan in
            var pieces = [(bytes: plan, address: step.plan.place)]
            for (tensor, place) in zip(tensors, step.inputs) {
                let byteCount = tensor.elementCount * tensor.dtype.byteCount
                let source = tensor.buffer
                if source.gpu == nil {
                    let bytes = UnsafeRawBufferPointer(start: source.address, count: byteCount)
                    pieces.append((bytes, place.buffer.place))
                } else {
                    gpu.copy(tensor.on(gpu).buffer, to: place.buffer, byteCount: byteCount, for: "images")
                }
            }
            withExtendedLifetime(tensors) { gpu.doing("training") { try staging.upload(pieces) } }
        }
    }

    private func launch(_ graph: StepGraph) {
        graph.launch()
        replayCount += graph.stepCount
        launchCount += 1
    }

    /// Finds out with the first graph whether several steps should be one launch: where they take less than a
    /// millisecond, of which the launch's ten microseconds are more than a hundredth.
    private func measured(_ launch: () -> Void) {
        guard takesSeveral == nil else { return launch() }
        let clock = ContinuousClock()
        gpu.doing("training") { try gpu.device.wait() }
        let start = clock.now
        launch()
        gpu.doing("training") { try gpu.device.wait() }
        takesSeveral = clock.now - start < .milliseconds(1)
    }

    // MARK: - What came out

    /// The next losses are added to this sum: of parts the sum would have other last bits than the whole.
    package func addLosses(to sum: Double) {
        withUnsafeBytes(of: sum) { gpu.upload($0, to: totals, for: "training") }
    }

    /// Waits for all steps: the sum of their losses since the last call, how many there were, and which of them,
    /// counted from 0, was the first whose loss is no number.
    package func takeTotals() -> (sum: Double, count: Int, firstBad: Int?) {
        var numbers = [0.0, 0.0, 0.0]
        numbers.withUnsafeMutableBytes { gpu.download(totals, to: $0, for: "training") }
        gpu.clear(totals, for: "training")
        return (numbers[0], Int(numbers[1]), numbers[2] == 0 ? nil : Int(numbers[2]) - 1)
    }

    /// Seconds that the GPU takes for a step where one follows the other with nothing in between: the shortest of several times,
    /// each of so many captured steps, which move the weights. `nil` where such steps are not captured.
    package func secondsAlone(_ inputs: Inputs, steps count: Int, rate: Double, randomness: RandomGenerator) -> Double?
    {
        guard let step = steps[key(inputs)] else { return nil }
        let several = count >= stepsPerLaunch ? step.graphs[stepsPerLaunch] : nil
        guard let graph = several ?? step.graphs[1] else { return nil }
        let launches = min(count, Self.stepsPerPlan) / graph.stepCount
        let planned = launches * graph.stepCount
        let clock = ContinuousClock()
        let times = (0..<10).map { _ in
            prepare(
                step, inputs, Array(repeating: rate, count: planned), Array(repeating: randomness, count: planned))
            gpu.doing("training") { try gpu.device.wait() }
            return clock.measure {
                for _ in 0..<launches { graph.launch() }
                gpu.doing("training") { try gpu.device.wait() }
            }
        }
        return times.min()! / .seconds(planned)
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

/// Captured steps.
final class StepGraph {
    private let gpu: GPU
    private let executable: LabGraphExec
    /// What has to stay in its place.
    private let held: [Buffer]
    let stepCount: Int
    /// Which of a step's streams of random numbers each draw is: what its generator is split by, once or twice.
    let draws: [[UInt64]]

    init(_ gpu: GPU, _ executable: LabGraphExec, _ stepCount: Int, holding held: [Buffer], draws: [[UInt64]]) {
        (self.gpu, self.executable, self.stepCount, self.held, self.draws) = (gpu, executable, stepCount, held, draws)
    }

    deinit {
        gpu.device.makeCurrent()
        _ = lab_cuStreamSynchronize(gpu.device.mainStream)
        _ = lab_cuGraphExecDestroy(executable)
    }

    /// What a step's generator was split by to give the one that was drawn from; the later batches of a step that
    /// adjusts the weights after several have a generator each, split off by their number.
    static func path(of upload: StepRecording.Upload, _ randomness: RandomGenerator) -> [UInt64]? {
        let key = upload.bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        func number(_ randomness: RandomGenerator, below end: UInt64) -> UInt64? {
            (1..<end).first { randomness.split($0).key == key }
        }
        if let own = number(randomness, below: 10_000) { return [own] }
        for batch in UInt64(1)...64 {
            if let found = number(randomness.split(batch), below: 256) { return [batch, found] }
        }
        return nil
    }

    func launch() {
        gpu.device.makeCurrent()
        gpu.doing("training") {
            try check(lab_cuGraphLaunch(executable, gpu.device.mainStream), "launching a step")
        }
    }
}
