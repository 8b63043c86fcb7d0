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

    private func trained(_ settings: Hyperparameters, from weights: TrainingState.Values? = nil) throws -> Run<SmallNet>
    {
        try train(SmallNet(), on: try bars(), settings, from: weights, host())
    }

    /// The largest difference of two runs' weights.
    private func difference(_ one: Run<SmallNet>, _ other: Run<SmallNet>) -> Float {
        zip(weights(one).joined(), weights(other).joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
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
