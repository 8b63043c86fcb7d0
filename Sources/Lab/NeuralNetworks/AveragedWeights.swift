internal import Synchronization
public import Tensors

/// The mean of a model's weights over the steps of training, which is often better than the last ones (Polyak and
/// Juditsky, 1992; Izmailov et al., 2018).
///
///     let average = AveragedWeights(of: net, decay: 0.999)
///     …                                                 // after each step:
///     average.add()
///     average.use { accuracy(of: net) }
public final class AveragedWeights: Sendable {
    private struct State {
        var count = 0
        var values: [(name: String, value: Tensor)] = []
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
        let present = model().parameters
        state.withLock { state in
            state.count += 1
            guard state.values.count == present.count else {
                state.values = present
                return
            }
            let share = decay.map { 1 - $0 } ?? 1 / Double(state.count)
            for index in present.indices {
                let mean = state.values[index].value
                state.values[index].value = mean + (present[index].value - mean) * share
            }
        }
    }

    /// The means by name; empty before the first step.
    public var values: [(name: String, value: Tensor)] { state.withLock { $0.values } }

    /// Runs `body` with the means in the model, and puts the model's own values back.
    public func use<Result>(_ body: () throws -> Result) throws -> Result {
        let model = model()
        let own = model.parameters
        try model.load(values.isEmpty ? own : values)
        defer { try? model.load(own) }
        return try body()
    }
}
