import Datasets
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// Each setting does to the weights what its name says.
@Suite struct SettingTests {
    /// One step for all 144 training images, by the gradient alone.
    private var oneStep: Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = 1
        settings.batchSize = 144
        settings.optimizer = .sgd()
        settings.learningRate = .fixed(1)
        return settings
    }

    private let settings = sixEpochs

    private func trained(_ settings: Hyperparameters, from weights: TrainingState.Values? = nil) throws -> Run<SmallNet>
    {
        try train(SmallNet(), on: try bars(), settings, from: weights, host())
    }

    /// The largest difference of two runs' weights.
    private func difference(_ one: Run<SmallNet>, _ other: Run<SmallNet>) -> Float {
        zip(weights(one).joined(), weights(other).joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test func settingsMayBeGivenWhenTheyAreMade() {
        var settings = Hyperparameters()
        settings.epochs = 3
        settings.keepsBest = true
        #expect(Hyperparameters(epochs: 3, keepsBest: true) == settings)
    }

    @Test func aBatchThatIsSmallerCountsByItsImages() throws {
        let whole = try trained(oneStep)
        var settings = oneStep
        // 96 images and the 48 that are left.
        settings.batchSize = 96
        settings.accumulation = 2
        // The same sum in another order: a few roundings of numbers below 1.
        #expect(difference(try trained(settings), whole) < 1e-5)
    }

    @Test func aGradientIsShortenedToItsLimit() throws {
        let model = SmallNet()
        model.initialize(input: [1, 8, 8], seed: oneStep.seed)
        let before = model.parameters.flatMap(\.value.doubles)
        var settings = oneStep
        settings.gradientLimit = 0.01
        let after = weights(try trained(settings)).joined().map(Double.init)
        let way = zip(before, after).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        // At a rate of 1 the step is as long as the gradient; 683 weights are rounded to 6e-8 each.
        #expect(abs(way - 0.01) < 1e-4)
    }

    @Test func withoutShufflingTheSeedDecidesNothingMore() throws {
        let start = try trained(oneStep).weights
        var settings = oneStep
        settings.batchSize = 16
        settings.learningRate = .fixed(0.05)
        func ends(_ seed: Int) throws -> [[Float]] {
            settings.seed = seed
            return weights(try trained(settings, from: start))
        }
        #expect(try ends(1) != ends(2), "the order is another")
        settings.shuffles = false
        #expect(try ends(1) == ends(2))
    }

    @Test func intervalsCountEpochsAndTheLastOneComesToo() throws {
        try inFolder { home in
            var settings = oneStep
            settings.epochs = 5
            settings.learningRate = .fixed(0.05)
            settings.validationInterval = 2
            settings.snapshotInterval = 3
            settings.snapshotsKept = 9
            let run = try train(SmallNet(), on: try bars(), settings, from: nil, host(home: home))
            #expect(run.history.validations.map(\.epoch) == [2, 4, 5])
            #expect(try Runs(home: home)[1].snapshots == [3, 5])
        }
    }

    @Test func everyBatchOfAStepDrawsNumbersOfItsOwn() throws {
        /// Notes where its random numbers come from.
        final class Noting: Module {
            let output = Dense(3)
            var keys: [UInt64] = []
            func callAsFunction(_ images: Tensor) -> Tensor {
                if let generator = Tape.current?.nextRandomness() { keys.append(generator.key) }
                return output(images.flattened())
            }
        }
        var settings = oneStep
        settings.batchSize = 24
        settings.accumulation = 3
        settings.epochs = 2
        let model = Noting()
        _ = try train(model, on: try bars(), settings, from: nil, host())
        // 6 batches an epoch.
        #expect(model.keys.count == 12 && Set(model.keys).count == 12)
    }

    @Test func aFactorThatIsNoNumberLeavesTheRate() {
        let controls = TrainingControls()
        for factor in [Double.nan, .infinity, -1] {
            controls.rateFactor = factor
            #expect(controls.rateFactor == 1)
        }
        controls.rateFactor = 0.5
        #expect(controls.rateFactor == 0.5)
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
}

@Suite struct FingerprintTests {
    private func split(_ labels: [Int] = [0, 1, 0, 1], deviation: Double = 0.5) throws -> DatasetSplit {
        let data = try Dataset(
            "made", pixels: [1, 2, 3, 4], shape: [1, 1, 1], labels: labels, classNames: ["a", "b"]
        ).normalized(by: Normalization(mean: [0.5], deviation: [deviation]))
        return DatasetSplit(training: data[0..<2], validation: data[2..<4], test: data[0..<0])
    }

    @Test func whateverARunLearnsFromTellsDataApart() throws {
        let own = try split().fingerprint
        #expect(try split().fingerprint == own)
        #expect(try split([1, 0, 0, 1]).fingerprint != own, "other labels")
        #expect(try split([0, 1, 1, 0]).fingerprint != own, "other labels of the validation part")
        #expect(try split(deviation: 0.25).fingerprint != own, "another normalisation")
        var exchanged = try split()
        swap(&exchanged.training, &exchanged.validation)
        #expect(exchanged.fingerprint != own, "other parts")
    }
}
