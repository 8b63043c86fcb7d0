import Datasets
import Display
import NeuralNetworks
import Synchronization
import Tensors
import Testing

@testable import Training

/// 8 × 8 images of a bright bar that lies (class 0), stands (class 1) or is missing (class 2), with noise.
func bars(count: Int = 240, seed: Int = 1) throws -> DatasetSplit {
    var generator = RandomGenerator(seed: seed)
    var pixels: [UInt8] = []
    let labels = (0..<count).map { $0 % 3 }
    for label in labels {
        let place = generator.below(8)
        for row in 0..<8 {
            for column in 0..<8 {
                let isLit = label == 0 && row == place || label == 1 && column == place
                pixels.append(UInt8((isLit ? 150 : 0) + generator.below(100)))
            }
        }
    }
    let data = try Dataset(
        "bars", pixels: pixels, shape: [1, 8, 8], labels: labels, classNames: ["lying", "standing", "none"])
    return data.split(training: 0.6, validation: 0.2, test: 0.2, seed: 1).normalized()
}

final class SmallNet: Module {
    let conv = Conv2D(4, kernel: 3), hidden = Dense(16), output = Dense(3)
    func callAsFunction(_ images: Tensor) -> Tensor {
        output(relu(hidden(maxPool(conv(images), 2).flattened())))
    }
}

/// Keeps what is displayed.
final class RecordingFrontend: Frontend {
    let texts = Mutex<[String]>([])
    let pictures = Atomic<Int>(0)
    var updatesInPlace: Bool { true }
    func display(_ bundle: MimeBundle, id: DisplayID?) { keep(bundle) }
    func update(_ bundle: MimeBundle, id: DisplayID) { keep(bundle) }
    func clearOutput(wait: Bool) {}
    private func keep(_ bundle: MimeBundle) {
        texts.withLock { $0.append(bundle.text) }
        if bundle.contents["image/png"] != nil { pictures.add(1, ordering: .relaxed) }
    }
}

/// A host of the test's own: other tests of the process may ask theirs to stop.
func host(
    _ frontend: (any Frontend)? = nil, home: String? = nil, interruptingAfter looks: Int = .max
) -> Host {
    let count = Counter()
    return Host(frontend: frontend, home: home, isInterrupted: { count.next() > looks })
}

final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}

func weights(_ run: Run<SmallNet>) -> [[Float]] { run.state.weights.map(\.value.scalars) }

@Suite struct TrainTests {
    private var settings: Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = 6
        settings.batchSize = 16
        settings.learningRate = .step(0.05, everyPercent: 50, factor: 0.1)
        return settings
    }

    @Test func aNetworkLearnsToTellBarsApart() throws {
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        // Three classes, so a guess is right in a third of the cases.
        #expect(run.evaluate(on: run.data.test).accuracy > 0.9)
        #expect(run.history.validations.map(\.epoch) == [1, 2, 3, 4, 5, 6])
        #expect(run.history.points.last!.loss < run.history.points.first!.loss / 2)
        #expect(run.epochs == 6 && !run.wasInterrupted)
        // 144 training images, each seen in each of 6 epochs.
        #expect(run.history.imagesSeen == 6 * 144)
    }

    @Test func theSameCallGivesTheSameRunWhateverTheModelHeldBefore() throws {
        let data = try bars()
        let model = SmallNet()
        let first = weights(try train(model, on: data, settings, from: nil, host()))
        let again = weights(try train(model, on: data, settings, from: nil, host()))
        #expect(first == again)
        var other = settings
        other.seed = 2
        #expect(weights(try train(SmallNet(), on: data, other, from: nil, host())) != first)
    }

    @Test(arguments: [0, 1, 7, 9, 20, 53, 59]) func aRunThatWasBrokenOffReachesTheSameWeights(looks: Int) throws {
        // 9 steps an epoch, and a look before each step and each validation batch.
        let data = try bars()
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: looks))
        #expect(broken.wasInterrupted)
        let resumed = try train(broken.model, on: data, settings, state: broken.state, keeping: nil, host())
        #expect(weights(resumed) == weights(whole))
        #expect(resumed.history.points.map(\.loss) == whole.history.points.map(\.loss))
        #expect(resumed.history.validations == whole.history.validations)
    }

    @Test func aResumedRunStartsFromItsOwnWeightsAlthoughTheModelWentOn() throws {
        let data = try bars()
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: 20))
        // Resuming twice gives the same twice, because the run keeps its state and the model is only its last user.
        let once = weights(try broken.resume(until: nil, host()))
        let twice = weights(try broken.resume(until: nil, host()))
        #expect(once == twice)
    }

    @Test func aFinishedRunSaysHowToGoOn() throws {
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        let error = #expect(throws: TrainingError.self) { try run.resume(until: nil, host()) }
        #expect(error?.description == "resume: this run has already done 6 epochs; resume(until: 12) goes on")
    }

    @Test func thePictureOfAnInterruptedRunEndsWhereTheTrainingDid() throws {
        let broken = try train(SmallNet(), on: try bars(), settings, from: nil, host(interruptingAfter: 21))
        #expect(broken.plot.x.range == 0...broken.epochs)
        #expect(broken.history.end <= broken.epochs && broken.history.end > 2)
    }

    @Test func settingsAreATableOfWhatOneWrites() {
        var settings = Hyperparameters()
        settings.learningRate = .step(0.01, everyPercent: 33, factor: 0.1).warmedUp(overPercent: 5)
        settings.validationInterval = 0
        let lines = settings.mimeBundle.text.split(separator: "\n").map(String.init)
        func line(_ setting: String) -> String { lines.first { $0.hasPrefix(setting + " ") } ?? "" }
        #expect(line("optimizer").contains(".sgd(momentum: 0.9, weightDecay: 0.0001) "))
        #expect(
            line("learningRate").contains(
                ".step(0.01, everyPercent: 33, factor: 0.1).warmedUp(overPercent: 5) "))
        #expect(line("validationInterval").contains("never"))
        #expect(line("epochs").hasSuffix("how often the network sees every training image"))
    }

    @Test func anEndThatIsBehindIsRefusedAlsoOfAnInterruptedRun() throws {
        let data = try bars()
        // 9 steps an epoch with a look before each and one before the validation: look 21 is in the third epoch.
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: 21))
        #expect(broken.wasInterrupted && broken.epochs > 2)
        let behind = #expect(throws: TrainingError.self) { try broken.resume(until: 2, host()) }
        let done = "resume: this run has already done \(broken.epochs.significant(3)) epochs"
        #expect(behind?.description == "\(done); resume() goes on to the 6 that were planned")
        let negative = #expect(throws: TrainingError.self) { try broken.resume(until: -3, host()) }
        #expect(negative?.description == "train: -3 epochs are none; choose 1 or more")
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        let shorter = #expect(throws: TrainingError.self) { try whole.resume(until: 4, host()) }
        #expect(shorter?.description == "resume: this run has already done 6 epochs; resume(until: 12) goes on")
    }

    @Test(
        arguments: [
            (.fixed(-0.1), "the learning rate is -0.1; choose 0 or more"),
            (.fixed(.nan), "the learning rate is nan; choose 0 or more"),
            (.fixed(.infinity), "the learning rate is inf; choose 0 or more"),
            (
                .step(0.1, everyPercent: 0),
                "everyPercent of the learning rate's .step is 0.0; choose a number above 0"
            ),
            (.step(0.1, factor: 0), "factor of the learning rate's .step is 0.0; choose a number above 0"),
            (
                .multistep(0.1, atPercent: [50, 120]),
                "atPercent of the learning rate's .multistep is 120.0; choose 0 to 100"
            ),
            (.inverse(0.1, factor: -1), "factor of the learning rate's .inverse is -1.0; choose 0 or more"),
            (.polynomial(0.1, power: -1), "power of the learning rate's .polynomial is -1.0; choose 0 or more"),
            (
                .sigmoid(0.1, steepness: .nan),
                "steepness of the learning rate's .sigmoid is nan; choose a finite number"
            ),
            (.cosine(0.1, end: -1), "end of the learning rate's .cosine is -1.0; choose 0 or more"),
            (
                .oneCycle(0.1, peakPercent: 101),
                "peakPercent of the learning rate's .oneCycle is 101.0; choose 0 to 100"
            ),
            (
                .fixed(0.1).warmedUp(overPercent: -1),
                "overPercent of the learning rate's warmedUp is -1.0; choose 0 to 100"
            ),
        ] as [(LearningRate, String)])
    func ratesThatCannotBeAreNamedWithTheirRange(rate: LearningRate, sentence: String) throws {
        var settings = settings
        settings.learningRate = rate
        try expectRefusal(of: settings, sentence)
    }

    @Test(
        arguments: [
            (.sgd(momentum: 1), "momentum of .sgd is 1.0; choose 0 or more and less than 1"),
            (.sgd(momentum: -0.5), "momentum of .sgd is -0.5; choose 0 or more and less than 1"),
            (.sgd(weightDecay: -1e-4), "weightDecay of .sgd is -0.0001; choose 0 or more"),
            (.adam(beta2: 1), "beta2 of .adam is 1.0; choose 0 or more and less than 1"),
            (.rmsProp(epsilon: 0), "epsilon of .rmsProp is 0.0; choose a number above 0"),
        ] as [(Optimizer.Method, String)])
    func optimizersThatCannotBeAreNamedWithTheirRange(optimizer: Optimizer.Method, sentence: String) throws {
        var settings = settings
        settings.optimizer = optimizer
        try expectRefusal(of: settings, sentence)
    }

    @Test(arguments: [0, -1, Double.nan, .infinity]) func aGradientLimitIsAboveNought(limit: Double) throws {
        var settings = settings
        settings.gradientLimit = limit
        try expectRefusal(of: settings, "gradientLimit is \(limit); choose a number above 0, or nil for no limit")
    }

    private func expectRefusal(of settings: Hyperparameters, _ sentence: String) throws {
        let data = try bars()
        let model = SmallNet()
        let error = #expect(throws: TrainingError.self) { try train(model, on: data, settings, from: nil, host()) }
        #expect(error?.description == "train: \(sentence)")
        #expect(model.conv.$weight.shape == nil, "nothing was prepared for training")
    }

    @Test func aRateThatIsFarTooLargeEndsInASentence() throws {
        var settings = settings
        settings.learningRate = .fixed(500)
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, settings, from: nil, host())
        }
        let sentence = error?.description ?? ""
        #expect(sentence.hasPrefix("train: the loss became "))
        #expect(sentence.contains(" of epoch 1; the largest gradient was in "))
        #expect(sentence.contains(".weight") || sentence.contains(".bias"))
        #expect(sentence.hasSuffix("Try a smaller learning rate than 500."))
    }

    @Test func aLayerThatIsNotUsedIsNoObstacle() throws {
        final class Spare: Module {
            let spare = BatchNorm(), output = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor { output(images.flattened()) }
        }
        let run = try train(Spare(), on: try bars(), settings, from: nil, host())
        #expect(run.weights.map(\.name) == ["output.weight", "output.bias"])
    }

    @Test func tooFewAnswersAreSaidBeforeTrainingStarts() throws {
        final class TwoAnswers: Module {
            let output = Dense(2)
            func callAsFunction(_ images: Tensor) -> Tensor { output(images.flattened()) }
        }
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(TwoAnswers(), on: data, settings, from: nil, host())
        }
        #expect(
            error?.description
                == "train: for 2 images the network answers [2, 2]; bars has 3 classes, so [2, 3] is needed: give its last layer 3 outputs, Dense(3)"
        )
    }

    @Test(
        arguments: [
            (Change { $0.accumulation = 0 }, "accumulation is 0; choose 1 batch or more"),
            (Change { $0.labelSmoothing = 1 }, "labelSmoothing is 1.0; choose 0 or more and less than 1"),
            (Change { $0.labelSmoothing = .nan }, "labelSmoothing is nan; choose 0 or more and less than 1"),
            (
                Change { $0.averaging = 1 },
                "averaging is 1.0; choose a number between 0 and 1, or nil for no average"
            ),
            (Change { $0.snapshotsKept = 0 }, "snapshotsKept is 0; choose 1 or more"),
            (
                Change { $0.plateau = Plateau(factor: 2) },
                "factor of the plateau is 2.0; choose a number between 0 and 1"
            ),
            (
                Change { $0.plateau = Plateau(patience: -1) },
                "patience of the plateau is -1; choose 0 or more validations"
            ),
            (
                Change {
                    $0.keepsBest = true
                    $0.validationInterval = 0
                }, "keepsBest looks at validations; set validationInterval to 1 or more"
            ),
        ])
    func newerSettingsThatCannotBeAreNamed(change: Change, sentence: String) throws {
        var settings = settings
        change.make(&settings)
        try expectRefusal(of: settings, sentence)
    }

    struct Change: Sendable {
        let make: @Sendable (inout Hyperparameters) -> Void
    }

    @Test func whatLooksAtValidationsNeedsValidationImages() throws {
        var data = try bars()
        data.validation = data.validation[0..<0]
        var settings = settings
        settings.keepsBest = true
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, settings, from: nil, host())
        }
        #expect(
            error?.description
                == "train: keepsBest looks at validations, but the validation part has no images; give it a share when you split"
        )
    }

    @Test func twoBatchesOfEightAdjustAsOneOfSixteen() throws {
        let data = try bars()
        var settings = settings
        settings.epochs = 2
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        settings.batchSize = 8
        settings.accumulation = 2
        let halves = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(halves.epochs == 2 && halves.state.step == whole.state.step)
        for (one, other) in zip(weights(whole), weights(halves)) {
            // Sums in another order: 18 steps of a rounding error each.
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    @Test func theBestWeightsAreTheOnesToEndWith() throws {
        let data = try bars()
        var settings = settings
        // After the first half nothing is right any more: the weights run away.
        settings.learningRate = .function { $0 < 50 ? 0.05 : 3 }
        settings.gradientLimit = 5
        settings.keepsBest = true
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        let last = run.history.validations.last!.accuracy
        let best = run.history.best!.accuracy
        #expect(best > last)
        #expect(run.evaluate(on: data.validation).accuracy == best)
        // What goes on is the run, not its best moment.
        #expect(run.state.weights.map(\.value.scalars) != run.weights.map(\.value.scalars))
    }

    @Test func theMeanOfTheWeightsIsWhatIsValidatedAndKept() throws {
        let data = try bars()
        var settings = settings
        settings.averaging = 0.9
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(run.state.progress.averageCount == 54)
        #expect(run.evaluate(on: data.validation).loss == run.history.validations.last?.loss)
        #expect(run.weights.map(\.value.scalars) == run.state.average.map(\.value.scalars))
        // The weights themselves learn as without a mean.
        settings.averaging = nil
        let plain = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(weights(plain) == weights(run))
    }

    @Test func aPlateauLowersTheRateWhenTheLossStopsFalling() throws {
        var settings = settings
        settings.plateau = Plateau(factor: 0.5, patience: 0)
        // Nothing is learned at a rate of nought: no validation after the first is better.
        settings.learningRate = .fixed(0)
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        // Six validations, the first sets the mark, five halve.
        #expect(run.state.progress.rateFactor == 1.0 / 32)
    }

    @Test func smoothedLabelsKeepTheNetworkFromCertainty() throws {
        let data = try bars()
        var settings = settings
        func surest(_ smoothing: Double) throws -> Float {
            settings.labelSmoothing = smoothing
            let run = try train(SmallNet(), on: data, settings, from: nil, host())
            return run.evaluate(on: data.test).probabilities.map { $0.max()! }.max()!
        }
        #expect(try surest(0.3) < surest(0) - 0.05)
    }

    @Test func aRunCanBeTurnedPausedKeptAndStoppedFromOutside() throws {
        try inFolder { home in
            let data = try bars()
            let controls = TrainingControls()
            controls.rateFactor = 0
            controls.takeSnapshot()
            controls.isPaused = true
            // While it is paused it waits; the third look ends that.
            let looks = Counter()
            let host = Host(
                frontend: nil, home: home,
                isInterrupted: {
                    if looks.next() == 3 { controls.isPaused = false }
                    return false
                })
            var settings = settings
            settings.epochs = 1
            let run = try train(SmallNet(), on: data, settings, from: nil, controls: controls, host)
            #expect(run.history.points.allSatisfy { $0.learningRate == 0 })
            #expect(try Runs(home: home)[1].snapshots.first == 0)
            controls.stop()
            let stopped = try train(SmallNet(), on: data, settings, from: nil, controls: controls, host)
            #expect(stopped.wasInterrupted && stopped.epochs == 0)
        }
    }

    @Test(
        arguments: [
            (\Hyperparameters.epochs, 0, "train: 0 epochs are none; choose 1 or more"),
            (\Hyperparameters.batchSize, 0, "train: a batch of 0 images is none; choose 1 or more"),
            (
                \Hyperparameters.validationInterval, -1,
                "train: an interval counts epochs and cannot be negative; 0 is never"
            ),
        ] as [(WritableKeyPath<Hyperparameters, Int> & Sendable, Int, String)])
    func settingsThatCannotBeAreNamed(
        setting: WritableKeyPath<Hyperparameters, Int> & Sendable, value: Int, sentence: String
    ) throws {
        var settings = settings
        settings[keyPath: setting] = value
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, settings, from: nil, host())
        }
        #expect(error?.description == sentence)
    }

    @Test func withoutValidationImagesItTrainsAllTheSame() throws {
        var data = try bars()
        data.validation = data.validation[0..<0]
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(run.history.validations.isEmpty)
        #expect(!run.history.points.isEmpty)
        #expect(!run.mimeBundle.text.isEmpty)
    }

    @Test func patienceEndsARunWhoseValidationLossRises() throws {
        var settings = settings
        settings.epochs = 60
        settings.patience = 2
        // Nothing is learned at a rate of nought: the loss of the first validation is never beaten.
        settings.learningRate = .fixed(0)
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        #expect(run.history.validations.count == 3)
        #expect(run.ranOutOfPatience && !run.wasInterrupted)
    }

    @Test func startingFromARunTakesItsWeights() throws {
        let data = try bars()
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        var still = settings
        still.epochs = 1
        still.learningRate = .fixed(0)
        still.optimizer = .sgd()
        let next = try train(SmallNet(), on: data, still, from: run.state.weights, host())
        #expect(weights(next) == weights(run))
    }

    @Test func aRunShowsABarAndAPictureAndEndsWithALine() throws {
        let recorder = RecordingFrontend()
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host(recorder))
        let texts = recorder.texts.withLock { $0 }
        #expect(texts.first == "epoch 1 of 6 ░░░░░░░░░░░░░░░░░░░░ 0 %")
        #expect(texts.last?.hasPrefix("6 epochs in ") == true)
        #expect(texts.contains { $0.hasPrefix("SmallNet on bars: ") && $0.contains("validation accuracy: ") })
        // The first and the last picture, and at most three a second between; this run takes far less than a second.
        #expect((2...6).contains(recorder.pictures.load(ordering: .relaxed)))
        #expect(run.mimeBundle.contents["image/png"] != nil)
        #expect(run.mimeBundle.text.contains("epochs: 6 · batch: 16 of 144 images · time: "))
    }

    @Test func anInterruptIsSaidWithTheWayToGoOn() throws {
        let recorder = RecordingFrontend()
        _ = try train(SmallNet(), on: try bars(), settings, from: nil, host(recorder, interruptingAfter: 5))
        let last = recorder.texts.withLock { $0.last } ?? ""
        #expect(last.hasPrefix("interrupted after 0.6 of 6 epochs ("))
        #expect(last.hasSuffix("what was learned is kept, and resume() goes on"))
    }

    @Test func imagesAreNormalisedAsTheTrainingImagesWere() throws {
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        var bare = run.data.test
        bare.normalization = nil
        #expect(run.evaluate(on: bare).probabilities == run.evaluate(on: run.data.test).probabilities)
    }

    @Test func theLearningRatesAxisIsTheSameFromTheFirstPictureOn() throws {
        let rate = LearningRate.step(0.01, everyPercent: 33, factor: 0.1)
        var history = History()
        let before = history.plot(epochs: 30, rate: rate).lower!.axis
        history.points = [History.Point(epoch: 1, loss: 1, learningRate: 0.01)]
        let after = history.plot(epochs: 30, rate: rate).lower!.axis
        #expect(before == after && before.scale == .logarithmic)
    }

    @Test func theLastLineUnderThePictureIsTheMachines() throws {
        let recorder = RecordingFrontend()
        _ = try train(SmallNet(), on: try bars(), settings, from: nil, host(recorder))
        let texts = recorder.texts.withLock { $0 }
        let line = texts.first { $0.contains("validation accuracy: ") }?.split(separator: "\n").last ?? ""
        #expect(line.hasPrefix("CPU · ") && line.contains(" core") && line.hasSuffix(" memory"), "\(line)")
    }

    @Test func aLearningRateShowsItsCourse() {
        let plot = LearningRate.step(0.01, everyPercent: 33, factor: 0.1).picture
        #expect(plot.curves[0].y.first == 0.01)
        // Down three times by a factor of ten: at 33, 66 and 99 %.
        #expect(abs(plot.curves[0].y.last! - 1e-5) < 1e-12)
        #expect(plot.left.scale == .logarithmic)
        #expect(LearningRate.fixed(0.1).picture.left.scale == .linear)
        // Half a cosine ends near nought, and is a half cosine only on a straight axis.
        #expect(LearningRate.cosine(0.1).picture.left.scale == .linear)
        #expect(LearningRate.oneCycle(0.1).picture.left.scale == .linear)
        // (1 - p)³ would reach down for ever; five powers of ten are shown.
        let polynomial = LearningRate.polynomial(0.1).picture.left
        #expect(polynomial.scale == .logarithmic)
        #expect(abs(polynomial.range!.lowerBound - 0.8e-6) < 1e-9)
    }
}
