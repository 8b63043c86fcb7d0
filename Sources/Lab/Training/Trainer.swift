import Datasets
import Display
internal import Glibc
import NeuralNetworks
import Pictures
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
    /// What the runs of a comparison are called where they were given no name.
    @TaskLocal static var runName = ""
    /// Where the runs of a comparison are counted up.
    @TaskLocal static var trials: TrialFolders?

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
    private let average: AveragedWeights?
    private(set) var state: TrainingState
    private let controls: TrainingControls?
    private let stepsPerEpoch: Int
    private let totalSteps: Int
    /// A point of the history for so many steps: about eight an epoch (as in DIGITS), and up to 120 in a short run.
    private let pointInterval: Int
    private let host: Host
    /// On a GPU, steps that it repeats by itself.
    let repeated: RepeatedStep?
    /// The images there, if batches are made there.
    private let resident: ResidentImages?
    private var picture: LivePicture?
    private var hardware: Hardware
    private var lastGradients: Gradients?
    private var hasEnded = false
    private let clock = ContinuousClock()

    /// The model's parameters must have their values.
    init(
        _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, state: TrainingState,
        controls: TrainingControls? = nil, host: Host
    ) throws {
        self.model = model
        self.data = data
        self.settings = settings
        self.state = state
        self.controls = controls
        self.host = host
        let device = model.parameters.first?.value.device ?? .cpu
        hardware = Hardware(on: device)
        (repeated, resident) = (RepeatedStep(on: device), data.training.resident(on: device))
        picture = host.frontend.map(LivePicture.init(on:))
        optimizer = Optimizer(settings.optimizer, learningRate: settings.learningRate.rate(at: 0))
        if !state.moments.isEmpty { try optimizer.restore(state.moments, for: model) }
        average = settings.averaging.map { AveragedWeights(of: model, decay: $0) }
        if !state.average.isEmpty { try average?.restore(state.average, count: state.progress.averageCount) }
        if self.state.progress.plateau == nil { self.state.progress.plateau = settings.plateau }
        stepsPerEpoch = settings.stepsPerEpoch(of: data.training.count)
        totalSteps = stepsPerEpoch * settings.epochs
        pointInterval = max(1, min(stepsPerEpoch / 8, totalSteps / 120))
        // Whoever lets a run go on that had run out of patience has new patience.
        if isOutOfPatience { self.state.progress.patienceStart = state.history.validations.count }
    }

    /// Where it is shown.
    var place: OutputPlace? { picture?.place }
    private var name: String { "\(Model.self) on \(data.training.name)" }
    private var epochsDone: Double { Double(state.step) / Double(stepsPerEpoch) }
    private var imagesDone: Int {
        state.step / stepsPerEpoch * data.training.count
            + min(data.training.count, state.step % stepsPerEpoch * settings.batchSize * settings.accumulation)
    }

    /// Trains to the end, or as far as the user and the numbers let it. `keep` is called after each epoch whose state
    /// is to be kept. Afterwards the model has the weights it is to be used with.
    ///
    /// The caller tells the host that an interrupt is heeded: a step of a large network may take longer than a cell is
    /// given otherwise, and a thread that is parked within one would take the run along.
    func run(keep: (TrainingState) throws -> Void) throws -> RunRecord.Ending {
        let live = host.frontend.flatMap { frontend in
            controls.flatMap { $0.areShown ? LiveControls($0, on: frontend) : nil }
        }
        let bar = host.frontend.map {
            ProgressBar(
                "epoch \(epochTitle)", total: data.training.count * settings.epochs, unit: "images",
                completed: imagesDone, on: $0)
        }
        return try AbandonedRuns.during {
            defer { live?.close() }
            return try steps(bar, keep)
        } orElse: {
            live?.close()
            bar?.finish("stopped within a step")
        }
    }

    private func steps(
        _ bar: ProgressBar?, _ keep: (TrainingState) throws -> Void
    ) throws -> RunRecord.Ending {
        show(always: true)
        var ending = RunRecord.Ending.complete
        do {
            while true {
                // Also where a run goes on that was broken off in the middle of a validation.
                if isValidationDue, try !validate() {
                    ending = .interrupted
                    break
                }
                if isOutOfPatience {
                    ending = .outOfPatience
                    break
                }
                if isSnapshotDue { try keep(captured()) }
                if state.step >= totalSteps { break }
                if try !runEpoch(bar, keep) {
                    ending = .interrupted
                    break
                }
            }
        } catch {
            bar?.finish("stopped in epoch \(epochTitle)")
            throw error
        }
        state = captured()
        try model.load(state.answer(settings))
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

    /// Whether the next step may be taken; waits while the user has the run paused.
    private func mayGoOn(_ keep: (TrainingState) throws -> Void) throws -> Bool {
        while true {
            if host.isInterrupted() { return false }
            guard let wishes = controls?.read() else { return true }
            if wishes.isStopped { return false }
            if let factor = wishes.rateFactor { state.progress.controlFactor = factor }
            if wishes.wantsSnapshot { try keep(captured()) }
            if !wishes.isPaused { return true }
            usleep(20_000)
        }
    }

    /// The rest of an epoch. False where the user broke it off.
    private func runEpoch(_ bar: ProgressBar?, _ keep: (TrainingState) throws -> Void) throws -> Bool {
        var batches = data.training.batches(
            of: settings.batchSize, shuffledBy: settings.seed, epoch: state.step / stepsPerEpoch,
            shuffles: settings.shuffles)
        batches.resident = resident
        let iterator = batches.iterator(from: state.step % stepsPerEpoch * settings.accumulation)
        var start = clock.now
        defer { state.history.seconds += (clock.now - start).seconds }
        while let batch = iterator.next() {
            // An interrupt comes between two adjustments, never between the batches of one: batch normalisation would
            // already have seen the first ones.
            if try !mayGoOn(keep) { return false }
            var parts = [batch]
            while parts.count < settings.accumulation, let next = iterator.next() { parts.append(next) }
            try step(parts)
            bar?.update(imagesDone, title: "epoch \(epochTitle)")
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
    private func validate() throws -> Bool {
        let start = clock.now
        defer { state.history.seconds += (clock.now - start).seconds }
        func measure() throws -> Evaluation? {
            let logits = model.logits(on: data.validation, host)
            guard logits.shape[0] == data.validation.count else { return nil }
            let measured = Evaluation(of: logits, on: data.validation)
            guard measured.loss.isFinite else { throw diverged("validation loss", measured.loss) }
            if settings.keepsBest, measured.accuracy > state.history.best?.accuracy ?? -1 {
                state.best = model.parameters
            }
            return measured
        }
        guard let measured = try average.map({ try $0.use(measure) }) ?? measure() else { return false }
        state.history.validations.append(
            History.Validation(
                epoch: Double(state.step / stepsPerEpoch), loss: measured.loss, accuracy: measured.accuracy))
        state.progress.rateFactor *= state.progress.plateau?.factor(after: measured.loss) ?? 1
        show()
        return true
    }

    /// One adjustment of the weights, from one batch or several.
    private func step(_ batches: [Batch]) throws {
        optimizer.learningRate =
            settings.learningRate.rate(at: 100 * Double(state.step) / Double(totalSteps))
            * state.progress.rateFactor * state.progress.controlFactor
        let count = batches.reduce(0) { $0 + $1.count }
        let randomness = RandomGenerator(seed: settings.seed).split("step").split(UInt64(state.step))
        if let repeated, batches.count == 1, settings.gradientLimit == nil {
            let value = try repeatedStep(repeated, batches[0], randomness)
            return finishStep(count, value)
        }
        var value = 0.0
        var sum: Gradients?
        for (index, batch) in batches.enumerated() {
            let (loss, gradients) = valueAndGradient(
                of: model, randomness: index == 0 ? randomness : randomness.split(UInt64(index))
            ) { settings.loss($0(batch.images), batch.labels) }
            let share = Double(batch.count) / Double(count)
            value += Double(loss.item) * share
            guard value.isFinite else { throw diverged("loss", value, gradients) }
            let part = gradients.scaled(by: share)
            sum = sum?.adding(part) ?? part
        }
        guard var gradients = sum else { return }
        if let limit = settings.gradientLimit { gradients = gradients.clipped(toNorm: limit) }
        optimizer.update(model, along: gradients)
        lastGradients = gradients
        finishStep(count, value)
    }

    /// The same as one piece of work, which a GPU repeats by itself once it has seen it: the loss.
    private func repeatedStep(
        _ repeated: RepeatedStep, _ batch: Batch, _ randomness: RandomGenerator
    ) throws -> Double {
        let loss = repeated.run(
            [batch.images, batch.labels], rate: optimizer.learningRate, randomness: randomness
        ) { inputs in
            let (loss, gradients) = valueAndGradient(of: model, randomness: randomness) {
                settings.loss($0(inputs[0]), inputs[1])
            }
            optimizer.update(model, along: gradients)
            // Those of a repeated step lie where they lay in the first one.
            lastGradients = gradients
            return loss
        }
        let value = Double(loss.item)
        guard value.isFinite else {
            repeated.checkComplaints()
            throw diverged("loss", value, lastGradients)
        }
        return value
    }

    private func finishStep(_ count: Int, _ value: Double) {
        average?.add()
        state.step += 1
        state.history.imagesSeen += count
        state.progress.lossSum += value
        state.progress.lossCount += 1
    }

    private func addPoint() {
        guard state.progress.lossCount > 0 else { return }
        state.history.points.append(
            History.Point(
                epoch: epochsDone, loss: state.progress.lossSum / Double(state.progress.lossCount),
                learningRate: optimizer.learningRate))
        state.progress.lossSum = 0
        state.progress.lossCount = 0
    }

    private func diverged(_ what: String, _ loss: Double, _ gradients: Gradients? = nil) -> TrainingError {
        // The gradients of the step before still have sizes; those of a loss that is no number have none.
        let sizes = (lastGradients ?? gradients)?.map { name, gradient in
            (name: name, size: gradient.scalars.reduce(Float(0)) { $1.isNaN ? .infinity : max($0, abs($1)) })
        }
        let largest = sizes?.max { $0.size < $1.size }?.name ?? "the network"
        let rate = optimizer.learningRate.significant(3)
        let epoch = gradients == nil ? state.step / stepsPerEpoch : state.step / stepsPerEpoch + 1
        let step = gradients == nil ? stepsPerEpoch : state.step % stepsPerEpoch + 1
        let kind = loss.isNaN ? "NaN" : "infinite"
        addPoint()
        var error = TrainingError(
            "train: the \(what) became \(kind) at step \(step) of epoch \(epoch); the largest gradient was in \(largest). Try a smaller learning rate than \(rate)."
        )
        error.history = state.history
        return error
    }

    private var isOutOfPatience: Bool {
        guard let patience = settings.patience else { return false }
        let losses = state.history.validations.map(\.loss)
        guard let lowest = losses.indices.min(by: { losses[$0] < losses[$1] }) else { return false }
        return losses.count - 1 - max(lowest, state.progress.patienceStart - 1) >= patience
    }

    /// The state with the weights as they are now.
    private func captured() -> TrainingState {
        var state = state
        state.weights = model.parameters
        state.moments = optimizer.state
        state.average = average?.values ?? []
        state.progress.averageCount = average?.count ?? 0
        return state
    }

    // MARK: What is shown

    private var epochTitle: String { "\(min(state.step / stepsPerEpoch + 1, settings.epochs)) of \(settings.epochs)" }

    private func show(always: Bool = false) {
        guard picture != nil else { return }
        hardware.look()
        // Room for what comes is left only while something does.
        let end = hasEnded ? epochsDone : Double(settings.epochs)
        picture?.show(
            {
                Captioned(
                    picture: state.history.plot(title: title, epochs: end, rate: settings.learningRate),
                    caption: hardware.line)
            }, always: always, isLast: hasEnded)
    }

    private var title: String {
        guard let last = state.history.validations.last else { return name }
        return "\(name): \(last.accuracy.percent(1)) of the validation part after \(Int(last.epoch).counted("epoch"))"
    }

    private func closing(_ ending: RunRecord.Ending) -> String {
        let history = state.history
        let speed = "\(Duration.seconds(history.seconds).spoken), \(Int(history.imagesPerSecond).grouped) images/s"
        let kept =
            settings.keepsBest && !state.best.isEmpty
            ? history.best.map { "; its weights are those of epoch \($0.epoch.significant(3)), the best" } ?? "" : ""
        switch ending {
        case .complete, .running, .failed: return "\(settings.epochs.counted("epoch")) in \(speed)\(kept)"
        case .interrupted:
            return
                "interrupted after \(epochsDone.fixed(1)) of \(settings.epochs.counted("epoch")) (\(speed)); what was learned is kept, and resume() goes on"
        case .outOfPatience:
            return
                "stopped after \(epochsDone.fixed(0)) of \(settings.epochs.counted("epoch")) (\(speed)): the validation loss did not fall any more\(kept)"
        }
    }
}

extension Hyperparameters {
    /// What is made as small as it can be. logits `[batch, classes]`, labels `[batch]`.
    func loss(_ logits: Tensor, _ labels: Tensor) -> Tensor {
        // Without smoothing loss and gradient are one pass over the logits.
        labelSmoothing > 0
            ? crossEntropy(logits, labels, smoothing: labelSmoothing, classWeights: nil) : crossEntropy(logits, labels)
    }
}

extension Module {
    /// The answers of the network for the images of a data set: `[count, classes]`. Fewer where the user interrupts.
    func logits(on dataset: Dataset, _ host: Host, batchSize: Int = 256) -> Tensor {
        var scalars: [Float] = []
        var count = 0
        Interruption.cooperate {
            for batch in dataset.batches(of: batchSize) {
                if host.isInterrupted() { break }
                scalars += self(batch.images).scalars
                count += batch.count
            }
        }
        return Tensor(scalars, shape: [count, count == 0 ? dataset.classNames.count : scalars.count / count])
    }
}
