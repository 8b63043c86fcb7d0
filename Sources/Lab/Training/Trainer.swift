import Datasets
import Display
import NeuralNetworks
import Tensors

/// Where a run shows itself, where it is kept, and how it hears that it shall stop: the process's, or a test's own.
struct Host: Sendable {
    /// `nil` where nothing is to be shown.
    var frontend: (any Frontend)?
    /// The folder of all runs; `nil` where nothing is to be kept.
    var home: String?
    var isInterrupted: @Sendable () -> Bool

    /// Set where the runs of a comparison are trained, which has a picture of its own.
    @TaskLocal static var isQuiet = false

    static func current(quietly: Bool) -> Host {
        Host(
            frontend: quietly || isQuiet ? nil : Display.frontend, home: RunFolder.home,
            isInterrupted: { Interruption.isRequested })
    }
}

/// One run while it goes on: steps, validations, and what is shown of them.
final class Trainer<Model: Module> {
    let model: Model
    let data: DatasetSplit
    let settings: Hyperparameters
    private let optimizer: Optimizer
    private(set) var state: TrainingState
    private let stepsPerEpoch: Int
    private let totalSteps: Int
    /// A point of the history for so many steps: about eight an epoch (as in DIGITS), and up to 120 in a short run.
    private let pointInterval: Int
    private let host: Host
    private var picture: LivePicture?
    private var lastGradients: Gradients?
    private var hasEnded = false
    private let clock = ContinuousClock()

    /// The model's parameters must have their values.
    init(_ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, state: TrainingState, host: Host) throws {
        self.model = model
        self.data = data
        self.settings = settings
        self.state = state
        self.host = host
        picture = host.frontend.map(LivePicture.init(on:))
        optimizer = Optimizer(settings.optimizer, learningRate: settings.learningRate.rate(at: 0))
        if !state.moments.isEmpty { try optimizer.restore(state.moments, for: model) }
        stepsPerEpoch = (data.training.count + settings.batchSize - 1) / settings.batchSize
        totalSteps = stepsPerEpoch * settings.epochs
        pointInterval = max(1, min(stepsPerEpoch / 8, totalSteps / 120))
    }

    enum Ending: Equatable {
        case complete, interrupted
        /// The validation loss did not fall any more.
        case outOfPatience
    }

    private var name: String { "\(Model.self) on \(data.training.name)" }
    private var epochsDone: Double { Double(state.step) / Double(stepsPerEpoch) }

    /// Trains to the end, or as far as the user and the numbers let it. `keep` is called after each epoch whose state
    /// is to be kept.
    func run(keep: (TrainingState) throws -> Void) throws -> Ending {
        let bar = host.frontend.map {
            ProgressBar(
                "epoch \(epochTitle)", total: totalSteps * settings.batchSize, unit: "images",
                completed: state.step * settings.batchSize, on: $0)
        }
        show(always: true)
        var ending = Ending.complete
        do {
            while true {
                // Also where a run goes on that was broken off in the middle of a validation.
                if isValidationDue, !validate() {
                    ending = .interrupted
                    break
                }
                if isOutOfPatience {
                    ending = .outOfPatience
                    break
                }
                if isSnapshotDue { try keep(captured()) }
                if state.step >= totalSteps { break }
                if try !runEpoch(bar) {
                    ending = .interrupted
                    break
                }
            }
        } catch {
            bar?.finish("stopped in epoch \(epochTitle)")
            throw error
        }
        state = captured()
        hasEnded = true
        show(always: true)
        bar?.finish(closing(ending))
        return ending
    }

    private var isAtEpochsEnd: Bool { state.step > 0 && state.step.isMultiple(of: stepsPerEpoch) }

    private var isValidationDue: Bool {
        guard isAtEpochsEnd, settings.validationInterval > 0, data.validation.count > 0 else { return false }
        let epoch = state.step / stepsPerEpoch
        return (epoch.isMultiple(of: settings.validationInterval) || epoch == settings.epochs)
            && state.history.validations.last?.epoch != Double(epoch)
    }

    private var isSnapshotDue: Bool {
        isAtEpochsEnd && settings.snapshotInterval > 0
            && (state.step / stepsPerEpoch).isMultiple(of: settings.snapshotInterval)
    }

    /// The rest of an epoch. False where the user broke it off.
    private func runEpoch(_ bar: ProgressBar?) throws -> Bool {
        let batches = data.training.batches(
            of: settings.batchSize, shuffledBy: settings.seed, epoch: state.step / stepsPerEpoch,
            shuffles: settings.shuffles)
        var start = clock.now
        defer { state.history.seconds += (clock.now - start).seconds }
        for batch in IteratorSequence(batches.iterator(from: state.step % stepsPerEpoch)) {
            if host.isInterrupted() { return false }
            try step(batch)
            bar?.update(state.step * settings.batchSize, title: "epoch \(epochTitle)")
            if state.step.isMultiple(of: pointInterval) {
                addPoint()
                state.history.seconds += (clock.now - start).seconds
                start = clock.now
                show()
            }
        }
        return true
    }

    /// Tries the network on the validation part. False where the user broke it off.
    private func validate() -> Bool {
        let start = clock.now
        defer { state.history.seconds += (clock.now - start).seconds }
        let logits = model.logits(on: data.validation, host)
        guard logits.shape[0] == data.validation.count else { return false }
        let measured = Evaluation(of: logits, on: data.validation)
        state.history.validations.append(
            History.Validation(
                epoch: Double(state.step / stepsPerEpoch), loss: measured.loss, accuracy: measured.accuracy))
        show()
        return true
    }

    private func step(_ batch: Batch) throws {
        optimizer.learningRate = settings.learningRate.rate(at: 100 * Double(state.step) / Double(totalSteps))
        let randomness = RandomGenerator(seed: settings.seed).split("step").split(UInt64(state.step))
        var (loss, gradients) = valueAndGradient(of: model, randomness: randomness) {
            crossEntropy($0(batch.images), batch.labels)
        }
        let value = Double(loss.item)
        guard value.isFinite else { throw diverged(value, gradients) }
        if let limit = settings.gradientLimit { gradients = gradients.clipped(toNorm: limit) }
        optimizer.update(model, along: gradients)
        lastGradients = gradients
        state.step += 1
        state.history.imagesSeen += batch.count
        state.lossSum += value
        state.lossCount += 1
    }

    private func addPoint() {
        guard state.lossCount > 0 else { return }
        state.history.points.append(
            History.Point(
                epoch: epochsDone, loss: state.lossSum / Double(state.lossCount), learningRate: optimizer.learningRate))
        state.lossSum = 0
        state.lossCount = 0
    }

    private func diverged(_ loss: Double, _ gradients: Gradients) -> TrainingError {
        // The gradients of the step before still have sizes; those of a loss that is no number have none.
        let sizes = (lastGradients ?? gradients).map { name, gradient in
            (name: name, size: gradient.scalars.reduce(Float(0)) { $1.isNaN ? .infinity : max($0, abs($1)) })
        }
        let largest = sizes.max { $0.size < $1.size }?.name ?? "the network"
        let rate = optimizer.learningRate.significant(3)
        let epoch = state.step / stepsPerEpoch + 1
        let step = state.step % stepsPerEpoch + 1
        let kind = loss.isNaN ? "NaN" : "infinite"
        addPoint()
        var error = TrainingError(
            "train: the loss became \(kind) at step \(step) of epoch \(epoch); the largest gradient was in \(largest). Try a smaller learning rate than \(rate)."
        )
        error.history = state.history
        return error
    }

    private var isOutOfPatience: Bool {
        guard let patience = settings.patience else { return false }
        let losses = state.history.validations.map(\.loss)
        guard let lowest = losses.indices.min(by: { losses[$0] < losses[$1] }) else { return false }
        return losses.count - 1 - lowest >= patience
    }

    /// The state with the weights as they are now.
    private func captured() -> TrainingState {
        var state = state
        state.weights = model.parameters
        state.moments = optimizer.state
        return state
    }

    // MARK: What is shown

    private var epochTitle: String { "\(min(state.step / stepsPerEpoch + 1, settings.epochs)) of \(settings.epochs)" }

    private func show(always: Bool = false) {
        // Room for what comes is left only while something does.
        let end = hasEnded ? epochsDone : Double(settings.epochs)
        picture?.show({ state.history.plot(title: title, epochs: end) }, always: always)
    }

    private var title: String {
        guard let last = state.history.validations.last else { return name }
        return "\(name): \(last.accuracy.percent(1)) of the validation part after \(last.epoch.significant(3)) epochs"
    }

    private func closing(_ ending: Ending) -> String {
        let history = state.history
        let speed = "\(Duration.seconds(history.seconds).spoken), \(Int(history.imagesPerSecond).grouped) images/s"
        switch ending {
        case .complete: return "\(settings.epochs) epochs in \(speed)"
        case .interrupted:
            return
                "interrupted after \(epochsDone.fixed(1)) of \(settings.epochs) epochs (\(speed)); what was learned is kept, and resume() goes on"
        case .outOfPatience:
            return
                "stopped after \(epochsDone.fixed(0)) of \(settings.epochs) epochs (\(speed)): the validation loss did not fall any more"
        }
    }
}

extension Module {
    /// The answers of the network for the images of a data set: `[count, classes]`. Fewer where the user interrupts.
    func logits(on dataset: Dataset, _ host: Host, batchSize: Int = 256) -> Tensor {
        var scalars: [Float] = []
        var count = 0
        for batch in dataset.batches(of: batchSize) {
            if host.isInterrupted() { break }
            scalars += self(batch.images).scalars
            count += batch.count
        }
        return Tensor(scalars, shape: [count, count == 0 ? dataset.classNames.count : scalars.count / count])
    }
}
