internal import CCUDA

/// Steps of the optimizers on a GPU: all parameters in one launch, by the kernels of optimizers.cu.
struct OptimizerKernels {
    typealias Step = (storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage)
    private let gpu: GPU
    private let table: Buffer
    private let count: Int
    private let largest: Int
    /// Held until the kernel is on the stream.
    private let gradients: [Tensor]

    init(_ gpu: GPU, _ steps: [Step]) {
        self.gpu = gpu
        count = steps.count
        largest = steps.map(\.storage.shape.elementCount).max() ?? 0
        gradients = steps.map { $0.gradient.on(gpu).converted(to: .float32) }
        let parameters = zip(steps, gradients).map { step, gradient in
            LabParameter(
                values: step.storage.live.buffer.place, gradient: gradient.buffer.place,
                state: step.moment.live.buffer.place, count: Int64(step.storage.shape.elementCount))
        }
        table = gpu.input(max(count, 1) * MemoryLayout<LabParameter>.stride, for: "optimizer")
        parameters.withUnsafeBytes { gpu.upload($0, to: table, for: "optimizer", .addresses) }
    }

    private func settings(_ numbers: [Float]) -> Buffer {
        let result = gpu.input(numbers.count * 4, for: "optimizer")
        numbers.withUnsafeBytes { gpu.upload($0, to: result, for: "optimizer", .settings) }
        return result
    }

    private var blocks: (Int, Int, Int) { (gpu.device.blocks(largest), count, 1) }

    func momentum(rate: Double, momentum: Double, decay: Double, nesterov: Bool) {
        gpu.launch(
            "optimizer", "optimizers", "momentum_step", blocks: blocks, table,
            settings([Float(rate), Float(momentum), Float(decay)]), Int32(nesterov ? 1 : 0))
    }

    func adaptive(_ rule: AdaptiveRule, rate: Double) {
        let rate = Float(rate)
        switch rule {
        case .adaGrad(let epsilon, let decay): run("ada_grad_step", [rate, epsilon, decay])
        case .rmsProp(let smoothing, let epsilon, let decay):
            run("rms_prop_step", [rate, smoothing, epsilon, decay])
        case .adaDelta(let smoothing, let epsilon, let decay):
            run("ada_delta_step", [rate, smoothing, epsilon, decay])
        case .ftrl(let beta, let lasso, let ridge):
            let begun = counted("mark_begun")
            gpu.launch(
                "optimizer", "optimizers", "ftrl_step", blocks: blocks, table, settings([rate, beta, lasso, ridge]),
                begun)
        case .adam(let beta1, let beta2, let epsilon, let decay, let isDecoupled):
            let steps = counted("count_step")
            gpu.launch(
                "optimizer", "optimizers", "adam_step", blocks: blocks, table,
                settings([rate, beta1, beta2, epsilon, decay]), steps, Int32(isDecoupled ? 1 : 0))
        }
    }

    private func run(_ kernel: String, _ numbers: [Float]) {
        gpu.launch("optimizer", "optimizers", kernel, blocks: blocks, table, settings(numbers))
    }

    /// How many steps each parameter has behind it, which its state counts.
    private func counted(_ kernel: String) -> Buffer {
        let before = gpu.buffer(count * 4, for: "optimizer")
        gpu.launch("optimizer", "optimizers", kernel, count: count, table, before, Int32(count))
        return before
    }

    /// Takes the steps of parameters on GPUs, with `step` for those of each GPU, and returns the processor's.
    static func take(_ steps: [Step], _ step: (OptimizerKernels) -> Void) -> [Step] {
        guard steps.contains(where: \.storage.isOnGPU) else { return steps }
        let gpus = Dictionary(grouping: steps.filter(\.storage.isOnGPU)) { $0.storage.live.gpu!.device.ordinal }
        for (ordinal, steps) in gpus { step(OptimizerKernels(GPU.at(ordinal), steps)) }
        return steps.filter { !$0.storage.isOnGPU }
    }
}
