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
        _ rule: AdaptiveRule, _ steps: [(storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage)],
        rate: Double
    ) {
        settle()
        for step in steps {
            let gradient = step.gradient.converted(to: .float32)
            let (w, g, state) = (step.storage.values.baseAddress!, gradient.floats, step.moment.values.baseAddress!)
            let (count, rate) = (step.storage.shape.elementCount, Float(rate))
            switch rule {
            case .adaGrad(let epsilon, let decay):
                parallel(count, grain: 16384) { range in
                    for i in range {
                        let slope = g[i] + decay * w[i]
                        state[i] += slope * slope
                        w[i] -= rate * slope / (state[i].squareRoot() + epsilon)
                    }
                }
            case .rmsProp(let smoothing, let epsilon, let decay):
                parallel(count, grain: 16384) { range in
                    for i in range {
                        let slope = g[i] + decay * w[i]
                        state[i] = smoothing * state[i] + (1 - smoothing) * slope * slope
                        w[i] -= rate * slope / (state[i].squareRoot() + epsilon)
                    }
                }
            case .adaDelta(let smoothing, let epsilon, let decay):
                let changes = state + count
                parallel(count, grain: 16384) { range in
                    for i in range {
                        let slope = g[i] + decay * w[i]
                        state[i] = smoothing * state[i] + (1 - smoothing) * slope * slope
                        let change = ((changes[i] + epsilon) / (state[i] + epsilon)).squareRoot() * slope
                        changes[i] = smoothing * changes[i] + (1 - smoothing) * change * change
                        w[i] -= rate * change
                    }
                }
            case .ftrl(let beta, let lasso, let ridge):
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
            case .adam(let beta1, let beta2, let epsilon, let decay, let isDecoupled):
                state[2 * count] += 1
                var (free1, free2) = (1.0, 1.0)
                for _ in 0..<min(Int(state[2 * count]), 100_000) {
                    (free1, free2) = (free1 * Double(beta1), free2 * Double(beta2))
                }
                let size = rate / Float(1 - free1)
                let scale = Float(1 / (1 - free2).squareRoot())
                let (coupled, shrink) = isDecoupled ? (0, 1 - rate * decay) : (decay, 1)
                let squares = state + count
                parallel(count, grain: 16384) { range in
                    for i in range {
                        let slope = g[i] + coupled * w[i]
                        state[i] = beta1 * state[i] + (1 - beta1) * slope
                        squares[i] = beta2 * squares[i] + (1 - beta2) * slope * slope
                        w[i] = w[i] * shrink - size * state[i] / (squares[i].squareRoot() * scale + epsilon)
                    }
                }
            }
        }
    }
}
