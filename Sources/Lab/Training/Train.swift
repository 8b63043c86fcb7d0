import Datasets
import Display
internal import Glibc
import NeuralNetworks
import Tensors

/// Trains a network on the training part of `data`, and tries it on the validation part as it goes.
///
///     let run = try train(LeNet(), on: data, settings)
///     run.evaluate(on: data.test)
///
/// While it runs it shows a bar with the speed and the time left, and a picture with losses, accuracy and learning rate.
/// The weights it starts from are drawn from the seed and the parameters' names, whatever the model held before, so
/// that the same call gives the same run. An interrupt ends it within a step and keeps what was learned.
///
/// - Parameter quietly: Shows nothing.
/// - Throws: `TrainingError` when the settings or the data cannot be trained with, and when the loss stops being a
///   number.
public func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(), quietly: Bool = false
) throws -> Run<Model> {
    try train(model, on: data, settings, from: nil, .current(quietly: quietly))
}

/// Trains a network that starts from the weights of another run, whose parameters must have the same names and shapes.
public func train<Model: Module, Other: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(), from run: Run<Other>,
    quietly: Bool = false
) throws -> Run<Model> {
    try train(model, on: data, settings, from: run.state.weights, .current(quietly: quietly))
}

/// Checks, sets the weights and trains.
func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, from weights: [(name: String, value: Tensor)]?,
    _ host: Host
) throws -> Run<Model> {
    try settings.check()
    guard data.training.count > 0 else { throw TrainingError("train: the training part has no images") }
    model.initialize(input: data.training.imageShape, seed: settings.seed)
    if let weights { try model.load(weights) }
    try checkAnswer(of: model, on: data)
    var keeping: (folder: RunFolder, record: RunRecord)?
    if let home = host.home, settings.snapshotInterval > 0 {
        let folder = try RunFolder.create(in: home)
        keeping = (folder, RunRecord(model, data, settings, number: folder.number))
    }
    return try train(model, on: data, settings, state: TrainingState(), keeping: keeping, host)
}

/// Goes on from `state`, with the model's parameters as they are.
func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, state: TrainingState,
    keeping: (folder: RunFolder, record: RunRecord)?, _ host: Host
) throws -> Run<Model> {
    let trainer = try Trainer(model, on: data, settings, state: state, host: host)
    guard let (folder, firstRecord) = keeping else {
        let ending = try trainer.run { _ in }
        return Run(
            model: model, data: data, settings: settings, state: trainer.state,
            wasInterrupted: ending == .interrupted, folder: nil)
    }
    var record = firstRecord
    record.settings = settings
    record.process = getpid()
    record.ending = .running
    folder.removeRemains()
    try folder.write(record)
    let writer = SnapshotWriter(folder)
    do {
        let ending = try trainer.run { try writer.write($0, record) }
        record.ending = ending == .interrupted ? .interrupted : .complete
        try writer.write(trainer.state, record)
        try writer.finish()
        return Run(
            model: model, data: data, settings: settings, state: trainer.state,
            wasInterrupted: ending == .interrupted, folder: folder)
    } catch {
        // What was written before stays; if this cannot be noted either, the first failure is the one to tell.
        try? writer.finish()
        record.ending = .failed
        record.history = trainer.state.history
        try? folder.write(record)
        throw error
    }
}

/// Tries the network on two images: an error in its shapes should come before a bar and a picture do.
private func checkAnswer(of model: some Module, on data: DatasetSplit) throws {
    let places = Array(0..<min(2, data.training.count))
    let answer = model(data.training.images(at: places)).shape
    let expected: Shape = [places.count, data.training.classNames.count]
    guard answer == expected else {
        throw TrainingError(
            "train: for \(places.count) images the network answers \(answer); \(data.training.name) has \(expected[1]) classes, so \(expected) is needed"
        )
    }
}
