import Datasets
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct TrainTests {
    private let settings = sixEpochs

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

    @Test func theWayOutNamesWhatWasChosen() throws {
        var settings = settings
        settings.learningRate = .fixed(500).warmedUp(overPercent: 50)
        settings.optimizer = .sgd(momentum: 0.99)
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, settings, from: nil, host())
        }
        #expect(
            error?.description.hasSuffix("Try a smaller learning rate than 500, or less momentum than 0.99.") == true)
    }

    @Test func aFormulaThatGivesNoNumberIsNotTheLearningRatesFault() throws {
        final class Broken: Module {
            let dense = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor { dense(images.flattened()) / 0 * 0 }
        }
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(Broken(), on: data, settings, from: nil, host())
        }
        let sentence = error?.description ?? ""
        #expect(sentence.contains("at step 1 of epoch 1") && sentence.contains("no learning rate is to blame"))
    }

    @Test func theLayerThatIsNamedHasTheLargestGradient() throws {
        final class Lopsided: Module {
            let quiet = Dense(3), loud = Dense(3), silent = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor {
                let pixels = images.flattened()
                return quiet(pixels) + 100 * loud(pixels) + 0.01 * silent(pixels)
            }
        }
        var settings = settings
        settings.learningRate = .fixed(1e30)
        let data = try bars()
        let error = #expect(throws: TrainingError.self) {
            try train(Lopsided(), on: data, settings, from: nil, host())
        }
        // By the chain rule its gradient is a hundred times as large as that of `quiet`, whatever the images are.
        #expect(
            error?.description.contains("the largest gradient was in loud.") == true, "\(String(describing: error))")
    }

    @Test func aBatchLargerThanTheDataTakesAllOfThemAndSaysSo() throws {
        var settings = settings
        settings.batchSize = 1_000
        let frontend = RecordingFrontend()
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host(frontend))
        #expect(run.state.step == settings.epochs)
        #expect(
            frontend.texts.withLock(\.self).contains(
                "The batch size is 1,000, the training part has 144 images: every step takes all of them."))
    }

    @Test func aLayerThatIsNotUsedIsNoObstacle() throws {
        final class Spare: Module {
            let spare = BatchNorm(), output = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor { output(images.flattened()) }
        }
        let run = try train(Spare(), on: try bars(), settings, from: nil, host())
        #expect(run.weights.map(\.name) == ["output.weight", "output.bias"])
    }

    @Test func withoutValidationImagesItTrainsAllTheSame() throws {
        var data = try bars()
        data.validation = data.validation[0..<0]
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(run.history.validations.isEmpty)
        #expect(!run.history.points.isEmpty)
        #expect(!run.mimeBundle.text.isEmpty)
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

    @Test func imagesAreNormalisedAsTheTrainingImagesWere() throws {
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        var bare = run.data.test
        bare.normalization = nil
        #expect(run.evaluate(on: bare).probabilities == run.evaluate(on: run.data.test).probabilities)
    }
}
