import Display
import NeuralNetworks

/// Trains with every combination of the values given: learning rates, batch sizes, optimizers, seeds.
///
///     let found = try sweep(learningRate: [0.1, 0.03, 0.01], batchSize: [32, 64, 128]) {
///         try train(LeNet(), on: data, $0)
///     }
///     found.best?.run                                // all are among `runs`, named after their values
///
/// On disk the best one alone keeps its weights; those of the others are in what this returns.
///
/// One picture has the figures and curves of all, the best marked. One whose loss stops being a number is shown as far
/// as it came. An interrupt ends the sweep and keeps what was learned until then.
///
/// - Parameters:
///   - settings: What the combinations have in common.
///   - learningRate: The rate that the settings' policy starts from, or its peak: the policy itself stays.
///   - training: Trains with a combination.
/// - Throws: What `training` throws, but for a loss that is no number.
@discardableResult
public func sweep<Model: Module>(
    _ settings: Hyperparameters = Hyperparameters(), learningRate: [Double] = [], batchSize: [Int] = [],
    optimizer: [Optimizer.Method] = [], seed: [Int] = [], training: (Hyperparameters) throws -> Run<Model>
) throws -> Trials<Hyperparameters, Model> {
    try sweep(
        settings, learningRate: learningRate, batchSize: batchSize, optimizer: optimizer, seed: seed,
        on: Display.frontend, training: training)
}

func sweep<Model: Module>(
    _ settings: Hyperparameters, learningRate: [Double], batchSize: [Int], optimizer: [Optimizer.Method] = [],
    seed: [Int] = [], on frontend: any Frontend, training: (Hyperparameters) throws -> Run<Model>
) throws -> Trials<Hyperparameters, Model> {
    var combinations: [(name: String, value: Hyperparameters)] = [("", settings)]
    var choices: [String] = []
    func combine<Value>(
        _ choice: String, _ values: [Value], _ spoken: (Value) -> String,
        set: (inout Hyperparameters, Value) -> Void
    ) {
        guard !values.isEmpty else { return }
        choices.append(choice)
        combinations = combinations.flatMap { name, settings in
            values.map { value in
                var changed = settings
                set(&changed, value)
                return ((name.isEmpty ? "" : name + ", ") + spoken(value), changed)
            }
        }
    }
    combine("learning rate", learningRate, { "rate \($0.significant(4))" }, set: { $0.learningRate.base = $1 })
    combine("batch size", batchSize, { "batch \($0)" }, set: { $0.batchSize = $1 })
    combine("optimizer", optimizer, { "\($0)" }, set: { $0.optimizer = $1 })
    combine("seed", seed, { "seed \($0)" }, set: { $0.seed = $1 })
    guard !choices.isEmpty else {
        throw TrainingError(
            "sweep: nothing is to be varied; give values for learningRate, batchSize, optimizer or seed")
    }
    // What cannot be trained with is said now, and not after an hour.
    for (_, settings) in combinations { try settings.check() }
    return try compare(
        choices.joined(separator: " and "), combinations, namesSayAll: true, on: frontend,
        training: training)
}
