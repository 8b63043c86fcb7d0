import Datasets
import Display
internal import Glibc
import NeuralNetworks
import Pictures
import Tensors

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
    /// How many steps a GPU has been given whose losses nobody has looked at.
    private var unsettled = 0
    /// The state before those steps or earlier, to which training returns where one of their losses is no number.
    private var checkpoint: TrainingState?
    /// A copy of larger weights is not kept: their steps take so long that it costs nothing to look after each.
    private let keepsCheckpoints: Bool
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
        let device = model.device
        hardware = Hardware(on: device)
        (repeated, resident) = (RepeatedStep(on: device), data.training.resident(on: device, isAugmented: true))
        keepsCheckpoints = model.parameterCount <= 16 << 20
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
    private func mayGoOn(_ bar: ProgressBar?, _ keep: (TrainingState) throws -> Void) throws -> Bool {
        var pause: ContinuousClock.Instant?
        // The time of waiting is none of training.
        defer { if let pause { state.history.seconds -= (clock.now - pause).seconds } }
        while true {
            if host.isInterrupted() { return false }
            guard let wishes = controls?.read() else { return true }
            if wishes.isStopped { return false }
            if let factor = wishes.rateFactor, factor != state.progress.controlFactor {
                try settle()
                checkpoint = nil
                state.progress.controlFactor = factor
            }
            if wishes.wantsSnapshot {
                try settle()
                try keep(captured())
            }
            if !wishes.isPaused { return true }
            try settle()
            if pause == nil {
                pause = clock.now
                show(always: true)
            }
            bar?.update(imagesDone, title: "paused in epoch \(epochTitle)")
            usleep(20_000)
        }
    }

    /// The rest of an epoch. False where the user broke it off.
    private func runEpoch(_ bar: ProgressBar?, _ keep: (TrainingState) throws -> Void) throws -> Bool {
        var batches = batchesOfEpoch
        // Those that are made by the processor's threads are copied from its memory.
        if resident == nil { batches.device = .cpu }
        resident?.arrange(batches.storedOrder)
        let iterator = batches.iterator(from: state.step % stepsPerEpoch * settings.accumulation)
        let end = (state.step / stepsPerEpoch + 1) * stepsPerEpoch
        checkpoint = nil
        var start = clock.now
        defer { state.history.seconds += (clock.now - start).seconds }
        while state.step < end {
            // An interrupt comes between two adjustments, never between the batches of one: batch normalisation would
            // already have seen the first ones.
            if try !mayGoOn(bar, keep) {
                try settle()
                return false
            }
            if let repeated {
                try takeSteps(repeated, iterator, before: end)
            } else {
                try step(nextBatches(iterator))
            }
            bar?.update(imagesDone, title: "epoch \(epochTitle)")
            if state.step.isMultiple(of: pointInterval) {
                try settle()
                addPoint()
                state.history.seconds += (clock.now - start).seconds
                start = clock.now
                show()
            }
        }
        try settle()
        return true
    }

    /// The batches of the epoch that the run is in.
    private var batchesOfEpoch: Batches {
        var batches = data.training.batches(
            of: settings.batchSize, shuffledBy: settings.seed, epoch: state.step / stepsPerEpoch,
            shuffles: settings.shuffles)
        batches.resident = resident
        return batches
    }

    /// Those of one adjustment.
    private func nextBatches(_ iterator: AnyIterator<Batch>) -> [Batch] {
        var parts: [Batch] = []
        while parts.count < settings.accumulation, let next = iterator.next() { parts.append(next) }
        return parts
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

    private func rate(ofStep step: Int) -> Double {
        settings.learningRate.rate(at: 100 * Double(step) / Double(totalSteps))
            * state.progress.rateFactor * state.progress.controlFactor
    }

    private func randomness(ofStep step: Int) -> RandomGenerator {
        RandomGenerator(seed: settings.seed).split("step").split(UInt64(step))
    }

    /// One adjustment of the weights, from one batch or several. Throws where a loss is no number, and leaves the
    /// weights as they were.
    private func step(_ batches: [Batch]) throws {
        optimizer.learningRate = rate(ofStep: state.step)
        let count = batches.reduce(0) { $0 + $1.count }
        var value = 0.0
        let gradients = try gradients(
            batches.map { ($0.images, $0.labels) }, randomness(ofStep: state.step)
        ) { loss, share, gradients in
            value += Double(loss.item) * share
            guard value.isFinite else { throw diverged("loss", value, gradients) }
        }
        optimizer.update(model, along: gradients)
        lastGradients = gradients
        state.progress.lossSum += value
        state.progress.lossCount += 1
        finishSteps(1, count)
    }

    /// The gradients of one adjustment. `look` gets each batch's loss, its share of the images, and its gradients.
    private func gradients(
        _ batches: [(images: Tensor, labels: Tensor)], _ randomness: RandomGenerator,
        _ look: (_ loss: Tensor, _ share: Double, Gradients) throws -> Void
    ) rethrows -> Gradients {
        let count = batches.reduce(0) { $0 + $1.labels.elementCount }
        var sum: Gradients?
        for (index, batch) in batches.enumerated() {
            let (loss, gradients) = settings.precision.run {
                valueAndGradient(of: model, randomness: index == 0 ? randomness : randomness.split(UInt64(index))) {
                    settings.loss($0(batch.images), batch.labels)
                }
            }
            let share = Double(batch.labels.elementCount) / Double(count)
            try look(loss, share, gradients)
            let part = gradients.scaled(by: share)
            sum = sum?.adding(part) ?? part
        }
        return settings.gradientLimit.map { sum!.clipped(toNorm: $0) } ?? sum!
    }

    private func finishSteps(_ steps: Int, _ count: Int) {
        average?.add()
        state.step += steps
        state.history.imagesSeen += count
    }

    // MARK: On a GPU

    /// Gives the GPU a step, or several where that is quicker, and does not wait for it.
    private func takeSteps(_ repeated: RepeatedStep, _ iterator: AnyIterator<Batch>, before end: Int) throws {
        if checkpoint == nil, keepsCheckpoints { checkpoint = captured() }
        if unsettled == 0, state.progress.lossSum != 0 { repeated.addLosses(to: state.progress.lossSum) }
        let inputs: RepeatedStep.Inputs
        let sizes: [Int]
        var steps = 1
        if let resident {
            let whole = settings.batchSize * settings.accumulation
            let start = state.step % stepsPerEpoch * whole
            let count = min(whole, data.training.count - start)
            sizes = stride(from: 0, to: count, by: settings.batchSize).map { min(settings.batchSize, count - $0) }
            inputs = .resident(resident, start: start, count: count)
            // To the next point of the history, and as long as the batches are whole ones. What is averaged after each
            // step is so after each.
            let further = min(pointInterval - state.step % pointInterval, (data.training.count - start) / whole)
            if count == whole, average == nil { steps = max(1, min(further, repeated.reach(inputs))) }
        } else {
            let batches = nextBatches(iterator)
            sizes = batches.map(\.count)
            inputs = .copied(batches.flatMap { [$0.images, $0.labels] })
        }
        let rates = (0..<steps).map { rate(ofStep: state.step + $0) }
        repeated.run(inputs, rates: rates, randomness: (0..<steps).map { randomness(ofStep: state.step + $0) }) {
            tensors, rate, randomness in
            optimizer.learningRate = rate
            return adjust(parts(tensors, sizes), randomness)
        }
        optimizer.learningRate = rates.last!
        unsettled += steps
        finishSteps(steps, steps * sizes.reduce(0, +))
        if !keepsCheckpoints { try settle() }
    }

    /// The batches of one adjustment: images and labels by turns, or the images of all, and the labels.
    private func parts(_ tensors: [Tensor], _ sizes: [Int]) -> [(images: Tensor, labels: Tensor)] {
        if tensors.count == 2 * sizes.count {
            return sizes.indices.map { (tensors[2 * $0], tensors[2 * $0 + 1]) }
        }
        var start = 0
        return sizes.map { size in
            defer { start += size }
            let rows = start..<start + size
            return (tensors[0].sliced(axis: 0, rows), tensors[1].sliced(axis: 0, rows))
        }
    }

    /// One adjustment of which nothing is read; the mean of the losses.
    private func adjust(_ batches: [(images: Tensor, labels: Tensor)], _ randomness: RandomGenerator) -> Tensor {
        var total: Tensor?
        let gradients = gradients(batches, randomness) { loss, share, _ in
            guard share != 1 else {
                total = loss
                return
            }
            // As the processor adds them up.
            let part = loss.converted(to: .float64) * share
            total = total.map { $0 + part } ?? part
        }
        optimizer.update(model, along: gradients)
        lastGradients = gradients
        return total!
    }

    /// Waits for the steps that the GPU was given, and looks at their losses: whatever depends on exact numbers comes
    /// after this.
    private func settle() throws {
        guard let repeated, unsettled > 0 else { return }
        let totals = repeated.takeTotals()
        unsettled = 0
        if totals.firstBad != nil {
            repeated.checkComplaints()
            try findBadStep(from: checkpoint)
        }
        state.progress.lossSum = totals.sum
        state.progress.lossCount += totals.count
        // So that at most 63 steps and those of one point's interval are ever taken twice.
        if let checkpoint, state.step - checkpoint.step >= 64 { self.checkpoint = nil }
    }

    /// Some loss became no number, and steps were taken after it. They are taken again, one by one, up to that one: so
    /// the weights are those before it, and the gradients those that led there.
    private func findBadStep(from checkpoint: TrainingState?) throws {
        guard let checkpoint else { throw diverged("loss", .nan, lastGradients) }
        let seconds = state.history.seconds
        let end = state.step
        try model.load(checkpoint.weights)
        try optimizer.restore(checkpoint.moments, for: model)
        try average?.restore(checkpoint.average, count: checkpoint.progress.averageCount)
        state.progress = checkpoint.progress
        state.history.seconds = seconds
        lastGradients = nil
        let iterator = batchesOfEpoch.iterator(from: state.step % stepsPerEpoch * settings.accumulation)
        while state.step < end {
            try step(nextBatches(iterator))
            if state.step.isMultiple(of: pointInterval) { addPoint() }
        }
        throw diverged("loss", .nan, lastGradients)
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
        let epoch = gradients == nil ? state.step / stepsPerEpoch : state.step / stepsPerEpoch + 1
        let step = gradients == nil ? stepsPerEpoch : state.step % stepsPerEpoch + 1
        let kind = loss.isNaN ? "NaN" : "infinite"
        addPoint()
        var error = TrainingError(
            "train: the \(what) became \(kind) at step \(step) of epoch \(epoch); the largest gradient was in \(largest). \(wayOut)"
        )
        error.history = state.history
        return error
    }

    /// What may help against a loss that is no number.
    private var wayOut: String {
        if state.step == 0 {
            return
                "Nothing was adjusted before it, so no learning rate is to blame: look at what the network computes (a division by 0, the logarithm of 0?)."
        }
        var sentence = "Try a smaller learning rate than \(settings.learningRate.base.significant(3))"
        if case .sgd(let momentum, _, _) = settings.optimizer, momentum > 0.95 {
            sentence += ", or less momentum than \(momentum.significant(3))"
        }
        return sentence + "."
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

    private var epochTitle: String {
        "\(min(state.step / stepsPerEpoch + 1, settings.epochs).grouped) of \(settings.epochs.grouped)"
    }

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
        var batches = dataset.batches(of: batchSize)
        batches.resident = dataset.resident(on: device, isAugmented: false)
        Interruption.cooperate {
            device.run {
                var answers: [Tensor] = []
                for batch in batches {
                    if host.isInterrupted() { break }
                    let answer = self(batch.images)
                    count += batch.count
                    // A GPU goes on with the next ones meanwhile.
                    if answer.device.isGPU { answers.append(answer) } else { scalars += answer.scalars }
                }
                for answer in answers { scalars += answer.scalars }
            }
        }
        return Tensor(scalars, shape: [count, count == 0 ? dataset.classNames.count : scalars.count / count])
    }
}
