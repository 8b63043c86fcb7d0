import Datasets
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// What `train` cannot do, and the sentence that says so before anything is trained.
@Suite struct RefusalTests {
    private let settings = sixEpochs

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
}
