internal import Display

/// As one writes it in a cell: `.sgd(momentum: 0.9, weightDecay: 0.0001)`.
private func call(_ name: String, _ arguments: [(name: String?, value: Double)]) -> String {
    let list = arguments.map { name, value in (name.map { "\($0): " } ?? "") + value.significant(6) }
    return ".\(name)(\(list.joined(separator: ", ")))"
}

extension LearningRate: CustomStringConvertible {
    /// As it is written in a cell: `.step(0.01, everyPercent: 33, factor: 0.1)`.
    public var description: String {
        let text =
            switch policy {
            case .fixed: call("fixed", [(nil, base)])
            case .step(let every, let factor):
                call("step", [(nil, base), ("everyPercent", every), ("factor", factor)])
            case .multistep(let at, let factor):
                ".multistep(\(base.significant(6)), atPercent: [\(at.map { $0.significant(6) }.joined(separator: ", "))], factor: \(factor.significant(6)))"
            case .exponential(let factor): call("exponential", [(nil, base), ("factor", factor)])
            case .inverse(let factor, let power):
                call("inverse", [(nil, base), ("factor", factor), ("power", power)])
            case .polynomial(let power): call("polynomial", [(nil, base), ("power", power)])
            case .sigmoid(let centre, let steepness):
                call("sigmoid", [(nil, base), ("centre", centre), ("steepness", steepness)])
            case .cosine(let end): call("cosine", [(nil, base), ("end", end)])
            case .oneCycle(let peak, _, _): call("oneCycle", [(nil, base), ("peakPercent", peak)])
            // What the function was cannot be written down any more.
            case .table: ".function { … }"
            }
        return warmUp == 0 ? text : text + call("warmedUp", [("overPercent", warmUp)])
    }
}

extension Optimizer.Method: CustomStringConvertible {
    /// As it is written in a cell: `.sgd(momentum: 0.9, weightDecay: 0.0001)`.
    public var description: String {
        switch self {
        case .sgd(let momentum, let decay, let nesterov):
            let text = call("sgd", [("momentum", momentum), ("weightDecay", decay)])
            return nesterov ? text.dropLast() + ", nesterov: true)" : text
        case .adaGrad(let decay, let epsilon):
            return call("adaGrad", [("weightDecay", decay), ("epsilon", epsilon)])
        case .rmsProp(let smoothing, let decay, let epsilon):
            return call("rmsProp", [("smoothing", smoothing), ("weightDecay", decay), ("epsilon", epsilon)])
        case .adaDelta(let smoothing, let decay, let epsilon):
            return call("adaDelta", [("smoothing", smoothing), ("weightDecay", decay), ("epsilon", epsilon)])
        case .ftrl(let beta, let lasso, let ridge):
            return call("ftrl", [("beta", beta), ("lasso", lasso), ("ridge", ridge)])
        case .adam(let beta1, let beta2, let decay, let epsilon):
            return call(
                "adam", [("beta1", beta1), ("beta2", beta2), ("weightDecay", decay), ("epsilon", epsilon)])
        case .adamW(let beta1, let beta2, let decay, let epsilon):
            return call(
                "adamW", [("beta1", beta1), ("beta2", beta2), ("weightDecay", decay), ("epsilon", epsilon)])
        }
    }
}

extension Plateau: CustomStringConvertible {
    /// As it is written in a cell: `Plateau(factor: 0.1, patience: 3)`.
    public var description: String { "Plateau(factor: \(factor.significant(6)), patience: \(patience))" }
}
