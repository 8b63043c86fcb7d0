import Datasets
import Glibc
import NeuralNetworks
import Testing

@testable import Tensors
@testable import Training

/// A run on the GPU that SWIFT_LAB_TEST_DEVICE names, the simulated one in `make test`, against the same run on the
/// processor.
private let device: Device = getenv("SWIFT_LAB_TEST_DEVICE").map { String(cString: $0) } == "cuda:0" ? .cuda(0) : .cpu

@Suite(.serialized, .enabled(if: device.isGPU)) struct DeviceTrainingTests {
    /// Everything that has a state or draws: batch normalisation, dropout, and a last batch of another size. What the
    /// normalisation takes away again, a bias, has no gradient but rounding, whose sign Adam would follow at full rate.
    final class MixedNet: Module {
        let conv = Conv2D(4, kernel: 3, bias: false), norm = BatchNorm(), dropout = Dropout(0.2)
        let hidden = Dense(16), output = Dense(3)
        func callAsFunction(_ images: Tensor) -> Tensor {
            output(relu(hidden(dropout(maxPool(relu(norm(conv(images))), 2).flattened()))))
        }
    }
    /// So little that hundreds of steps take a second in the simulation.
    final class TinyNet: Module {
        let drop = Dropout(0.1), output = Dense(3)
        func callAsFunction(_ images: Tensor) -> Tensor { output(drop(images.flattened())) }
    }

    private struct Outcome {
        let state: TrainingState
        let repeated: RepeatedStep?
    }

    /// `together` steps are one launch where there are several.
    private func trained(
        _ model: some Module, on device: Device, _ data: DatasetSplit, _ settings: Hyperparameters,
        together: Int? = nil, from state: TrainingState = TrainingState(), _ host: Host = host()
    ) throws -> Outcome {
        try device.run {
            model.move(to: device)
            model.initialize(input: data.training.imageShape, seed: settings.seed)
            if !state.weights.isEmpty { try model.load(state.weights) }
            let trainer = try Trainer(model, on: data, settings, state: state, host: host)
            if let together, let repeated = trainer.repeated {
                repeated.takesSeveral = true
                repeated.stepsPerLaunch = together
            }
            _ = try trainer.run { _ in }
            return Outcome(state: trainer.state, repeated: trainer.repeated)
        }
    }

    private func compare(_ here: TrainingState, _ there: TrainingState, tolerance: Double) {
        #expect(here.history.points.count == there.history.points.count)
        for (a, b) in zip(here.history.points, there.history.points) {
            #expect(a.epoch == b.epoch && a.learningRate == b.learningRate)
            #expect(abs(a.loss - b.loss) <= tolerance * abs(a.loss), "at epoch \(a.epoch): \(a.loss), \(b.loss)")
        }
        #expect(here.step == there.step && here.history.imagesSeen == there.history.imagesSeen)
        #expect(here.history.validations.map(\.accuracy) == there.history.validations.map(\.accuracy))
        for values in [\TrainingState.weights, \.moments, \.average, \.best] {
            let (ours, theirs) = (here[keyPath: values], there[keyPath: values])
            #expect(ours.map(\.name) == theirs.map(\.name))
            for (a, b) in zip(ours, theirs) {
                let scale = Double(a.value.magnitude().maximum().item)
                let apart = (a.value - b.value.to(.cpu)).magnitude().maximum().item
                #expect(Double(apart) <= tolerance * scale, "\(a.name): \(apart) of \(scale)")
            }
        }
    }

    // 144 images: four batches of 32 and one of 16 an epoch. Of the 12 large ones the first three are taken as always,
    // and the small ones all three. Rounding differs and is amplified from step to step: to 1.2e-6 at most on the
    // simulation, and a card has an `exp` of its own.
    @Test(arguments: [Normalization.Kind.meanAndDeviation, .meanImage])
    func aRunIsThatOfTheProcessorAndItsStepsAreRepeated(
        _ kind: Normalization.Kind
    ) throws {
        var settings = Hyperparameters()
        settings.epochs = 3
        settings.batchSize = 32
        settings.optimizer = .sgd(momentum: 0.9, weightDecay: 1e-4)
        settings.learningRate = .step(0.05, everyPercent: 40, factor: 0.3)
        let data = try bars().normalized(kind)
        func bothWays(_ model: () -> some Module) throws {
            let there = try trained(model(), on: device, data, settings)
            #expect(there.repeated?.obstacle == nil && there.repeated?.replayCount == 9)
            compare(try trained(model(), on: .cpu, data, settings).state, there.state, tolerance: 1e-4)
        }
        try bothWays { SmallNet() }
        settings.optimizer = .adam()
        settings.learningRate = .fixed(0.002)
        try bothWays { MixedNet() }
    }

    /// The labs' own network on digits: five steps of eight, of which the last two are repeated.
    @Test func leNetLearnsDigitsAsOnTheProcessor() throws {
        var settings = Hyperparameters()
        settings.epochs = 1
        settings.batchSize = 8
        let data = try Dataset.mnistSmall().split(training: 0.008, validation: 0.002, seed: 1).normalized()
        let there = try trained(Networks.leNet(), on: device, data, settings)
        #expect(there.repeated?.obstacle == nil && there.repeated?.replayCount == 2)
        compare(try trained(Networks.leNet(), on: .cpu, data, settings).state, there.state, tolerance: 1e-4)
    }

    /// Augmented images, made by the processor and copied, several batches for each adjustment, gradients that are
    /// clipped, averaged weights, the best ones kept: 5 steps an epoch, the last of a single batch.
    @Test func allSettingsComeToTheSame() throws {
        let settings = richSettings(epochs: 3)
        let here = try trained(RichNet(), on: .cpu, try richBars(), settings)
        let there = try trained(RichNet(), on: device, try richBars(), settings)
        // Twelve steps of two batches, of which nine are repeated, and three of one.
        #expect(there.repeated?.obstacle == nil && there.repeated?.replayCount == 9)
        // Adam divides by the root of small squares, and the sign of what is nearly 0 is rounding's.
        compare(here.state, there.state, tolerance: 1e-3)
    }

    @Test func severalStepsAreOneLaunch() throws {
        var settings = Hyperparameters()
        settings.epochs = 8
        settings.batchSize = 4
        settings.learningRate = .exponential(0.05, factor: 0.99)
        // 36 steps an epoch, a point after each two of 288: the most that can be one launch. Of the 285 after the first
        // three one is launched by itself, so that the points fall on even steps.
        let data = try bars()
        let one = try trained(TinyNet(), on: device, data, settings)
        let two = try trained(TinyNet(), on: device, data, settings, together: 2)
        #expect(one.repeated?.launchCount == 285 && two.repeated?.launchCount == 143)
        #expect(two.repeated?.replayCount == 285)
        // Not nearly the same: each learning rate, each random number and each batch are those of the step.
        #expect(fingerprint(one.state) == fingerprint(two.state))
        compare(try trained(TinyNet(), on: .cpu, data, settings).state, two.state, tolerance: 1e-4)
    }

    /// Wherever a run is stopped, its figures are those of the steps that were taken, and it goes on to the same bits;
    /// also on the other device, to rounding.
    @Test(arguments: [1, 5, 100]) func aRunThatWasStoppedGoesOn(looks: Int) throws {
        var settings = Hyperparameters()
        settings.epochs = 7
        settings.batchSize = 4
        settings.optimizer = .adam()
        settings.learningRate = .fixed(0.002)
        let data = try bars()
        let whole = try trained(TinyNet(), on: device, data, settings, together: 2)
        func stopped(on device: Device) throws -> TrainingState {
            let host = host(interruptingAfter: looks)
            return try trained(TinyNet(), on: device, data, settings, together: 2, host).state
        }
        let there = try stopped(on: device)
        // A look before each launch: of one step at first, then of two.
        #expect(there.step >= looks && there.step < 2 * looks)
        #expect(there.history.points.count == there.step / 2)
        let resumed = try trained(TinyNet(), on: device, data, settings, together: 2, from: there)
        #expect(fingerprint(resumed.state) == fingerprint(whole.state))
        compare(
            try trained(TinyNet(), on: .cpu, data, settings, from: there).state, whole.state, tolerance: 1e-4)
        let back = try trained(TinyNet(), on: device, data, settings, together: 2, from: try stopped(on: .cpu))
        compare(back.state, whole.state, tolerance: 1e-4)
    }

    /// The weights have long moved on when the loss is looked at. What is said is what the processor says.
    @Test func aLossThatIsNoNumberIsFoundInItsStep() throws {
        var settings = Hyperparameters()
        settings.epochs = 7
        settings.batchSize = 4
        // Weight decay alone, 1e-4, makes weights 99 times as large with each step, and so they end within 20.
        settings.learningRate = .fixed(1e6)
        let data = try bars()
        func failure(on device: Device) -> String {
            do {
                _ = try trained(TinyNet(), on: device, data, settings, together: 2)
                return "none"
            } catch { return "\(error)" }
        }
        let there = failure(on: device)
        #expect(there.contains("the loss became NaN at step") || there.contains("the loss became infinite at step"))
        #expect(there.contains("the largest gradient was in output."))
        #expect(there == failure(on: .cpu))
    }

    @Test func aRunByTensorCoresIsRepeatedToo() throws {
        var settings = Hyperparameters()
        settings.epochs = 2
        settings.batchSize = 32
        let data = try bars()
        let exact = try trained(SmallNet(), on: device, data, settings)
        for (precision, tolerance) in [(ProductPrecision.tf32, 0.01), (.bfloat16, 0.1)] {
            settings.precision = precision
            let run = try trained(SmallNet(), on: device, data, settings)
            // Eight large steps, of which three are taken as always.
            let replays = run.repeated?.replayCount ?? 0
            #expect(run.repeated?.obstacle == nil && replays == exact.repeated?.replayCount && replays > 0)
            let (loss, other) = (run.state.history.points.last!.loss, exact.state.history.points.last!.loss)
            // The factors are rounded by up to 0.0005 and 0.004, in ten steps of four products.
            #expect(loss != other && abs(loss - other) < tolerance * other, "\(precision): \(loss), \(other)")
        }
    }

    @Test func whatCannotBeRepeatedIsTakenAsAlways() throws {
        var settings = Hyperparameters()
        settings.epochs = 1
        settings.batchSize = 16
        final class Curious: Module {
            let output = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor {
                let x = images.flattened()
                // Depends on what is computed: a graph would always go the same way.
                return output(!x.isShapeOnly && x.mean().item > 100 ? x * 2 : x)
            }
        }
        let data = try bars()
        let run = try trained(Curious(), on: device, data, settings)
        #expect(run.repeated?.replayCount == 0 && run.repeated?.obstacle == "it reads elements meanwhile")
        #expect(run.state.step == 9)
    }

    @Test func evaluationReadsTheBytesThatAreThere() throws {
        let data = try bars().normalized(.meanImage)
        let model = SmallNet()
        Device.cpu.run { model.initialize(input: [1, 8, 8], seed: 3) }
        let here = Classifier(model, Preparation(data.training)).evaluate(on: data.test)
        model.move(to: device)
        #expect(model.device == device && model.conv.weight.device == device)
        let there = Classifier(model, Preparation(data.training)).evaluate(on: data.test)
        #expect(there.predictions == here.predictions && abs(there.loss - here.loss) < 1e-6 * here.loss)
    }
}
