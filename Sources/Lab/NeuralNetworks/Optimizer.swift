internal import Synchronization
public import Tensors

/// Changes a model's parameters along their gradients.
///
///     let optimizer = Optimizer(.sgd(momentum: 0.9, weightDecay: 1e-4), learningRate: 0.01)
///     optimizer.update(net, along: gradients)
public final class Optimizer: @unchecked Sendable {
    /// How.
    public enum Method: Sendable, Hashable, Codable {
        /// Stochastic gradient descent: v ← momentum · v + g + weightDecay · w; w ← w - rate · v. With `nesterov` the
        /// step is rate · (g + momentum · v).
        case sgd(momentum: Double = 0, weightDecay: Double = 0, nesterov: Bool = false)
        /// Steps shrink with the sum of all squared gradients (Duchi et al., 2011).
        case adaGrad(weightDecay: Double = 0, epsilon: Double = 1e-10)
        /// Steps shrink with a running mean of squared gradients (Tieleman and Hinton, 2012). DIGITS smooths by 0.99.
        case rmsProp(smoothing: Double = 0.99, weightDecay: Double = 0, epsilon: Double = 1e-8)
        /// Steps of the size of past steps, so that the rate can stay 1 (Zeiler, 2012).
        case adaDelta(smoothing: Double = 0.9, weightDecay: Double = 0, epsilon: Double = 1e-6)
        /// Follow the regularised leader (McMahan et al., 2013): `lasso` sets small weights to 0, `ridge` shrinks all.
        case ftrl(beta: Double = 1, lasso: Double = 0, ridge: Double = 0)
        /// A running mean of gradients over the root of one of their squares (Kingma and Ba, 2014).
        case adam(beta1: Double = 0.9, beta2: Double = 0.999, weightDecay: Double = 0, epsilon: Double = 1e-8)
        /// Adam where weights decay by themselves, not by way of the gradient (Loshchilov and Hutter, 2017).
        case adamW(beta1: Double = 0.9, beta2: Double = 0.999, weightDecay: Double = 0.01, epsilon: Double = 1e-8)

        /// Nesterov's accelerated gradient (1983), which DIGITS calls NAG.
        public static func nesterov(momentum: Double = 0.9, weightDecay: Double = 0) -> Method {
            .sgd(momentum: momentum, weightDecay: weightDecay, nesterov: true)
        }

        /// `nil` for SGD, which has a step of its own.
        var adaptiveRule: AdaptiveRule? {
            switch self {
            case .sgd: nil
            case .adaGrad(let decay, let epsilon): .adaGrad(epsilon: Float(epsilon), decay: Float(decay))
            case .rmsProp(let smoothing, let decay, let epsilon):
                .rmsProp(smoothing: Float(smoothing), epsilon: Float(epsilon), decay: Float(decay))
            case .adaDelta(let smoothing, let decay, let epsilon):
                .adaDelta(smoothing: Float(smoothing), epsilon: Float(epsilon), decay: Float(decay))
            case .ftrl(let beta, let lasso, let ridge):
                .ftrl(beta: Float(beta), lasso: Float(lasso), ridge: Float(ridge))
            case .adam(let beta1, let beta2, let decay, let epsilon):
                .adam(
                    beta1: Float(beta1), beta2: Float(beta2), epsilon: Float(epsilon), decay: Float(decay),
                    isDecoupled: false)
            case .adamW(let beta1, let beta2, let decay, let epsilon):
                .adam(
                    beta1: Float(beta1), beta2: Float(beta2), epsilon: Float(epsilon), decay: Float(decay),
                    isDecoupled: true)
            }
        }

        /// The shape of what is kept for a parameter.
        func stateShape(_ shape: Shape) -> Shape { adaptiveRule?.stateShape(shape) ?? shape }
    }

    public let method: Method
    /// May change from step to step.
    public var learningRate: Double
    /// The running sums for each parameter, made when the parameter is first seen.
    private let moments = Mutex<[ObjectIdentifier: (parameter: Parameter, moment: ParameterStorage)]>([:])

    public init(_ method: Method, learningRate: Double) {
        self.method = method
        self.learningRate = learningRate
    }

    /// One step. The parameters keep their memory.
    public func update(_ model: some Module, along gradients: Gradients) {
        let entries = gradients.entries.filter { !$0.parameter.isFrozen && $0.parameter.isTrained }
        let steps = moments.withLock { moments in
            let new = entries.filter { moments[ObjectIdentifier($0.parameter)] == nil }
            if !new.isEmpty {
                let fresh = ParameterStorage.allocate(
                    new.map { method.stateShape($0.gradient.shape) }, beside: new.map { $0.parameter.storage! })
                for (entry, moment) in zip(new, fresh) {
                    moments[ObjectIdentifier(entry.parameter)] = (entry.parameter, moment)
                }
            }
            return entries.map {
                (
                    storage: $0.parameter.storage!, gradient: $0.gradient,
                    moment: moments[ObjectIdentifier($0.parameter)]!.moment
                )
            }
        }
        if case .sgd(let momentum, let decay, let nesterov) = method {
            ParameterStorage.momentumStep(
                steps, rate: learningRate, momentum: momentum, decay: decay, nesterov: nesterov)
        } else if let rule = method.adaptiveRule {
            ParameterStorage.adaptiveStep(rule, steps, rate: learningRate)
        }
    }

    /// What the next steps depend on besides the parameters, by name: `conv1.weight.moment`.
    public var state: [(name: String, value: Tensor)] {
        moments.withLock { moments in
            moments.values.map { ("\($0.parameter.name ?? "").moment", $0.moment.copy) }.sorted { $0.0 < $1.0 }
        }
    }

    /// Continues from what `state` gave, for the same model.
    public func restore(_ state: [(name: String, value: Tensor)], for model: some Module) throws(ParameterError) {
        let parameters = ModuleContents.of(model).parameters
        var restored: [ObjectIdentifier: (parameter: Parameter, moment: ParameterStorage)] = [:]
        for (name, value) in state {
            guard let (_, parameter) = parameters.first(where: { "\($0.name).moment" == name }) else {
                throw ParameterError("restore: the model has no parameter for \(name)")
            }
            guard parameter.shape.map({ method.stateShape($0) == value.shape }) ?? true else {
                throw ParameterError("restore: \(name) has the shape \(value.shape), its parameter \(parameter.shape!)")
            }
            let storage = ParameterStorage.allocate([value.shape], beside: [parameter.storage].compactMap { $0 })[0]
            storage.write(value)
            restored[ObjectIdentifier(parameter)] = (parameter, storage)
        }
        let complete = restored
        moments.withLock { $0 = complete }
    }
}
