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
/// While it runs it shows a bar with the speed and the time left, and a picture with losses, accuracy and learning
/// rate. The weights it starts from are drawn from the seed and the parameters' names, whatever the model held before,
/// so that the same call gives the same run. They lie on `Device.default`, and there it trains. An interrupt ends it
/// within a step, on a GPU behind the steps that it was given (128 short ones at most), and keeps what was learned.
///
/// - Parameters:
///   - name: What the run is called among `runs`; without one it is known by its number.
///   - controls: Changes the rate, pauses, takes a snapshot or stops while the run goes on.
///   - quietly: Shows nothing.
/// - Throws: `TrainingError` when the settings or the data cannot be trained with, and when the loss stops being a
///   number.
public func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(), name: String = "",
    controls: TrainingControls? = nil, quietly: Bool = false
) throws -> Run<Model> {
    try train(
        model, on: data, settings, from: nil, name: name, controls: controls, .current(quietly: quietly))
}

/// Trains a network that starts from the weights of another run, whose parameters must have the same names and shapes.
///
/// - Parameter except: Layers that start anew, `["output"]`, because they are others here: a network that has learned
///   ten classes is so taught three of its own. `model.freeze(\.conv1)` keeps what it has learned of the others.
public func train<Model: Module, Other: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(), from run: Run<Other>,
    except: [String] = [], name: String = "", controls: TrainingControls? = nil, quietly: Bool = false
) throws -> Run<Model> {
    try train(
        model, on: data, settings, from: run.weights, except: except, name: name, controls: controls,
        .current(quietly: quietly))
}

/// Trains a network that starts from the weights of a run that was kept.
public func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(), from run: StoredRun,
    except: [String] = [], name: String = "", controls: TrainingControls? = nil, quietly: Bool = false
) throws -> Run<Model> {
    try train(
        model, on: data, settings, from: try run.weights(), except: except, name: name, controls: controls,
        .current(quietly: quietly))
}

/// Checks, sets the weights and trains.
func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, from weights: TrainingState.Values?,
    except: [String] = [], name: String = "", controls: TrainingControls? = nil, _ host: Host
) throws -> Run<Model> {
    try settings.check()
    try data.check()
    try settings.check(for: data)
    let wasTrained = Preparation.of(model) != nil
    model.move(to: .default)
    model.initialize(input: data.training.imageShape, seed: settings.seed)
    if let weights {
        try start(model, from: weights, except: except)
    } else if wasTrained, let frontend = host.frontend {
        frontend.display(
            MimeBundle(
                sentence:
                    "This \(Model.self) was trained before: it starts anew, with new weights; from: goes on from those of a run."
            ), id: nil)
    }
    try checkAnswer(of: model, on: data)
    if settings.batchSize > data.training.count, let frontend = host.frontend {
        frontend.display(
            MimeBundle(
                sentence:
                    "The batch size is \(settings.batchSize.grouped), the training part has \(data.training.count.counted("image")): every step takes all of them."
            ), id: nil)
    }
    var keeping: (folder: RunFolder, record: RunRecord)?
    if let home = host.home, settings.snapshotInterval > 0 {
        let folder = try RunFolder.create(in: home)
        var record = RunRecord(
            model, data, settings, number: folder.number, name: name.isEmpty ? Host.runName : name)
        if let trials = Host.trials {
            trials.add(folder)
            record.isTrial = true
        }
        keeping = (folder, record)
    }
    return try train(
        model, on: data, settings, state: TrainingState(), keeping: keeping, controls: controls, host)
}

/// Puts another run's weights into a model that has its own.
private func start(_ model: some Module, from weights: TrainingState.Values, except: [String]) throws {
    func isExcepted(_ name: String) -> Bool { except.contains { name == $0 || name.hasPrefix($0 + ".") } }
    let own = model.parameters
    let unknown = except.first { layer in !own.contains { $0.name == layer || $0.name.hasPrefix(layer + ".") } }
    if let unknown {
        var layers: [String] = []
        for (name, _) in own {
            let layer = name.split(separator: ".").dropLast().joined(separator: ".")
            if layers.last != layer { layers.append(layer) }
        }
        throw TrainingError(
            "train: there is no layer \(unknown) to start anew; there are \(layers.joined(separator: ", "))")
    }
    try model.load(weights.filter { !isExcepted($0.name) } + own.filter { isExcepted($0.name) })
}

/// Goes on from `state`, with the model's parameters as they are.
func train<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, state: TrainingState,
    keeping: (folder: RunFolder, record: RunRecord)?, controls: TrainingControls? = nil, _ host: Host
) throws -> Run<Model> {
    // To the last snapshot on the disk: a thread that is parked before the cell has its run takes it along.
    try Interruption.cooperate { () throws(any Error) -> Run<Model> in
        try trained(model, on: data, settings, state: state, keeping: keeping, controls: controls, host)
    }
}

private func trained<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, state: TrainingState,
    keeping: (folder: RunFolder, record: RunRecord)?, controls: TrainingControls?, _ host: Host
) throws -> Run<Model> {
    let trainer = try Trainer(model, on: data, settings, state: state, controls: controls, host: host)
    Preparation.remember(Preparation(data.training), of: model)
    func run(_ ending: RunRecord.Ending, _ folder: RunFolder?) -> Run<Model> {
        Run(
            model: model, data: data, settings: settings, state: trainer.state, ending: ending, folder: folder,
            place: trainer.place)
    }
    guard let (folder, firstRecord) = keeping else { return run(try trainer.run { _ in }, nil) }
    var record = firstRecord
    record.settings = settings
    record.process = getpid()
    record.ending = .running
    folder.removeRemains()
    try folder.write(record)
    folder.log(state.step == 0 ? "begins: \(record.summary)" : "goes on after \(state.step.grouped) steps")
    let writer = SnapshotWriter(folder)
    do {
        // Nobody goes on from the middle of a trial: what it ends with is all that may be kept of it.
        let isTrial = Host.trials?.contains(folder) == true
        let ending = try AbandonedRuns.during {
            try trainer.run { if !isTrial { try writer.write($0, record) } }
        } orElse: {
            try? writer.finish()
            // What was measured until the last snapshot stands there already.
            guard var record = try? folder.record() else { return }
            record.ending = .failed
            folder.noteFailure(of: record)
            folder.log("failed: its cell was ended within a step")
        }
        record.ending = ending
        try writer.write(trainer.state, record)
        try writer.finish()
        folder.log(record.status)
        return run(ending, folder)
    } catch {
        // What was written before stays; if this cannot be noted either, the first failure is the one to tell.
        try? writer.finish()
        record.ending = .failed
        record.history = trainer.state.history
        folder.noteFailure(of: record)
        folder.log("failed: \(error)")
        throw error
    }
}

/// Tries the network on two images: an error in its shapes should come before a bar and a picture do.
private func checkAnswer(of model: some Module, on data: DatasetSplit) throws {
    let places = Array(0..<min(2, data.training.count))
    let answer = model(data.training.images(at: places)).shape
    let expected: Shape = [places.count, data.training.classNames.count]
    guard answer == expected else {
        let wayOut =
            answer.rank == 2
            ? "give its last layer \(expected[1]) outputs, Dense(\(expected[1]))"
            : "make one row of each image's features before the last layers, with .flattened()"
        throw TrainingError(
            "train: for \(places.count) images the network answers \(answer); \(data.training.name) has \(expected[1]) classes, so \(expected) is needed: \(wayOut)"
        )
    }
}

@available(
    *, unavailable,
    message: "a run needs data in parts: train on digits.split(training: 0.8, validation: 0.2, seed: 1)"
)
public func train<Model: Module>(
    _ model: Model, on data: Dataset, _ settings: Hyperparameters = Hyperparameters(), quietly: Bool = false
) throws -> Run<Model> {
    fatalError("train: a data set has no parts to train and to validate on.")
}
