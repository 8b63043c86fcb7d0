import Display
import NeuralNetworks
import Pictures
import Testing

@testable import Training

/// What is shown of a run, of its settings and of a learning rate.
@Suite struct RunPictureTests {
    private let settings = sixEpochs

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
