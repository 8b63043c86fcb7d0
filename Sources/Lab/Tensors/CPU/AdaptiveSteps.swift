internal import CKernels

#if canImport(Glibc)
    internal import Glibc
#endif

/// Steps that scale each parameter's gradient by its past sizes. PyTorch's formulas: g is the gradient plus
/// decay · w, except where the decay is decoupled.
package enum AdaptiveRule {
    /// s += g²; w -= rate · g / (√s + epsilon).
    case adaGrad(epsilon: Float, decay: Float)
    /// s = smoothing · s + (1 - smoothing) · g²; w -= rate · g / (√s + epsilon).
    case rmsProp(smoothing: Float, epsilon: Float, decay: Float)
    /// s = smoothing · s + (1 - smoothing) · g²; d = √(t + epsilon) / √(s + epsilon) · g;
    /// t = smoothing · t + (1 - smoothing) · d²; w -= rate · d.
    case adaDelta(smoothing: Float, epsilon: Float, decay: Float)
    /// n' = n + g²; z += g - (√n' - √n) / rate · w; w = 0 where |z| ≤ lasso, else
    /// -(z - sign(z) · lasso) / ((beta + √n') / rate + ridge). At first z is such that w stays as it is.
    case ftrl(beta: Float, lasso: Float, ridge: Float)
    /// m = β₁ m + (1 - β₁) g; s = β₂ s + (1 - β₂) g²; w -= rate · m̂ / (√ŝ + epsilon), both freed of their bias
    /// towards 0. Decoupled decay is w -= rate · decay · w beforehand.
    case adam(beta1: Float, beta2: Float, epsilon: Float, decay: Float, isDecoupled: Bool)

    /// What is kept for a parameter; the last number of Adam and FTRL counts the steps.
    package func stateShape(_ shape: Shape) -> Shape {
        switch self {
        case .adaGrad, .rmsProp: shape
        case .adaDelta: [2 * shape.elementCount]
        case .adam, .ftrl: [2 * shape.elementCount + 1]
        }
    }
}

extension ParameterStorage {
    package static func adaptiveStep(
        _ rule: AdaptiveRule, _ all: [(storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage)],
        rate: Double
    ) {
        settle()
        let own = OptimizerKernels.take(all) { $0.adaptive(rule, rate: rate) }
        if case .ftrl(let beta, let lasso, let ridge) = rule {
            for step in own { regularisedStep(step, beta, lasso, ridge, rate: Float(rate)) }
            return
        }
        let steps = own.map {
            (storage: $0.storage, gradient: $0.gradient.converted(to: .float32), moment: $0.moment)
        }
        let kernels = steps.map { step in rule.kernel(rate: rate, step.moment.values, step.storage.shape.elementCount) }
        inPieces(steps) { number, w, g, state, size, count in
            withUnsafePointer(to: kernels[number]) {
                kernels_table().pointee.adaptiveStep($0, w, g, state, state + size, Int64(count))
            }
        }
    }

    private static func regularisedStep(
        _ step: (storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage), _ beta: Float,
        _ lasso: Float, _ ridge: Float, rate: Float
    ) {
        let gradient = step.gradient.converted(to: .float32)
        let (w, g, state) = (step.storage.values.baseAddress!, gradient.floats, step.moment.values.baseAddress!)
        let count = step.storage.shape.elementCount
        let isFirst = state[2 * count] == 0
        state[2 * count] = 1
        let sums = state + count
        parallel(count, grain: 16384) { range in
            for i in range {
                if isFirst {
                    sums[i] = -w[i] * (beta / rate + ridge) - (w[i] > 0 ? lasso : w[i] < 0 ? -lasso : 0)
                }
                let before = state[i].squareRoot()
                state[i] += g[i] * g[i]
                let after = state[i].squareRoot()
                sums[i] += g[i] - (after - before) / rate * w[i]
                let excess = sums[i].magnitude - lasso
                w[i] = excess <= 0 ? 0 : (sums[i] > 0 ? -excess : excess) / ((beta + after) / rate + ridge)
            }
        }
    }
}

extension AdaptiveRule {
    /// What the kernel needs to know, for a parameter of `count` numbers; Adam's step is counted in its state.
    fileprivate func kernel(
        rate: Double, _ state: UnsafeMutableBufferPointer<Float>, _ count: Int
    ) -> KernelsAdaptiveStep {
        var step = KernelsAdaptiveStep()
        (step.rate, step.shrink) = (Float(rate), 1)
        switch self {
        case .adaGrad(let epsilon, let decay):
            (step.kind, step.epsilon, step.decay) = (KernelsAdaGrad, epsilon, decay)
        case .rmsProp(let smoothing, let epsilon, let decay):
            (step.kind, step.smoothing, step.epsilon, step.decay) = (KernelsRMSProp, smoothing, epsilon, decay)
        case .adaDelta(let smoothing, let epsilon, let decay):
            (step.kind, step.smoothing, step.epsilon, step.decay) = (KernelsAdaDelta, smoothing, epsilon, decay)
        case .ftrl: fatalError("AdaptiveRule: FTRL has no kernel")
        case .adam(let beta1, let beta2, let epsilon, let decay, let isDecoupled):
            state[2 * count] += 1
            let (free1, free2) = (
                pow(Double(beta1), Double(state[2 * count])), pow(Double(beta2), Double(state[2 * count]))
            )
            (step.kind, step.smoothing, step.smoothing2, step.epsilon) = (KernelsAdam, beta1, beta2, epsilon)
            step.scale = Float(1 / (1 - free2).squareRoot())
            step.rate = Float(rate / (1 - free1))
            if isDecoupled { step.shrink = Float(1 - rate * Double(decay)) } else { step.decay = decay }
        }
        return step
    }
}
