internal import Synchronization
public import Tensors

#if canImport(Glibc)
    internal import Glibc
#endif

/// The mean of a model's weights over the steps of training, which is often better than the last ones (Polyak and
/// Juditsky, 1992; Izmailov et al., 2018).
///
///     let average = AveragedWeights(of: net, decay: 0.999)
///     …                                                 // after each step:
///     average.add()
///     try average.use { accuracy(of: net) }
///
/// Running statistics of batch normalisation are averaged with the weights. A step costs one pass over the parameters.
public final class AveragedWeights: Sendable {
    private struct State {
        var count = 0
        var means: [(name: String, mean: ParameterStorage, parameter: Parameter)] = []
    }
    private let state = Mutex(State())
    private let model: @Sendable () -> any Module
    /// The weight of what was before; without one every step counts the same.
    public let decay: Double?

    public init(of model: any Module, decay: Double? = nil) {
        nonisolated(unsafe) let model = model
        self.model = { model }
        self.decay = decay
    }

    /// Takes the model's present values into the mean. The first ones are the mean alone.
    public func add() {
        let parameters = state.withLock { $0.means.isEmpty } ? ModuleContents.of(model()).parameters : []
        state.withLock { state in
            let parameters = parameters.filter { $0.parameter.storage != nil }
            let storages = ParameterStorage.allocate(
                parameters.map { $0.parameter.shape! }, beside: parameters.map { $0.parameter.storage! })
            for (entry, storage) in zip(parameters, storages) {
                state.means.append((entry.name, storage, entry.parameter))
            }
            state.count += 1
            ParameterStorage.meanStep(
                state.means.map { ($0.mean, $0.parameter.storage!) }, share: share(ofStep: state.count))
        }
    }

    /// How much the values of step `count` count. With a decay the earliest steps must not weigh as the many before them
    /// would: their weights, decay^n, are divided by their sum (the correction of Adam, Kingma and Ba, 2014).
    private func share(ofStep count: Int) -> Double {
        guard let decay else { return 1 / Double(count) }
        return (1 - decay) / (1 - pow(decay, Double(count)))
    }

    /// How many steps are in the mean.
    public var count: Int { state.withLock { $0.count } }

    /// The means by name; empty before the first step.
    public var values: [(name: String, value: Tensor)] {
        state.withLock { state in state.means.map { ($0.name, $0.mean.copy) } }
    }

    /// Goes on from what `values` and `count` gave.
    public func restore(_ values: [(name: String, value: Tensor)], count: Int) throws(ParameterError) {
        let parameters = ModuleContents.of(model()).parameters
        var means: [(name: String, mean: ParameterStorage, parameter: Parameter)] = []
        for (name, value) in values {
            guard let (_, parameter) = parameters.first(where: { $0.name == name }) else {
                throw ParameterError("restore: the model has no parameter for the mean of \(name)")
            }
            guard parameter.shape.map({ $0 == value.shape }) ?? true else {
                throw ParameterError(
                    "restore: the mean of \(name) has the shape \(value.shape), its parameter \(parameter.shape!)")
            }
            let storage = ParameterStorage.allocate([value.shape], beside: [parameter.storage].compactMap { $0 })[0]
            storage.write(value)
            means.append((name, storage, parameter))
        }
        let restored = State(count: count, means: means)
        state.withLock { $0 = restored }
    }

    /// Runs `body` with the means in the model, and puts the model's own values back.
    public func use<Result>(_ body: () throws -> Result) throws -> Result {
        let model = model()
        let own = model.parameters
        let values = values
        try model.load(values.isEmpty ? own : values)
        defer { try? model.load(own) }
        return try body()
    }
}
