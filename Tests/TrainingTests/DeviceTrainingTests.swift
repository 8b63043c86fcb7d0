import Datasets
import Foundation
import NeuralNetworks
import Testing

@testable import Tensors
@testable import Training

/// A run on the GPU that SWIFT_LAB_TEST_DEVICE names, the simulated one in `make test`, against the same run on the processor.
private let device: Device =
    ProcessInfo.processInfo.environment["SWIFT_LAB_TEST_DEVICE"] == "cuda:0" ? .cuda(0) : .cpu

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

    private func trained(
        _ model: some Module, on device: Device, _ data: DatasetSplit, _ settings: Hyperparameters
    ) throws -> (state: TrainingState, obstacle: String?, replays: Int) {
        try device.run {
            model.initialize(input: data.training.imageShape, seed: settings.seed)
            let trainer = try Trainer(model, on: data, settings, state: TrainingState(), host: host())
            _ = try trainer.run { _ in }
            return (trainer.state, trainer.repeated?.obstacle, trainer.repeated?.replayCount ?? 0)
        }
    }

    private func compare(
        _ settings: Hyperparameters, replays: Int, tolerance: Double, _ model: () -> some Module
    ) throws {
        let data = try bars()
        let here = try trained(model(), on: .cpu, data, settings)
        let there = try trained(model(), on: device, data, settings)
        #expect(there.obstacle == nil && there.replays == replays)
        for (a, b) in zip(here.state.history.points, there.state.history.points) {
            #expect(abs(a.loss - b.loss) <= tolerance * abs(a.loss), "at epoch \(a.epoch)")
        }
        #expect(here.state.weights.map(\.name) == there.state.weights.map(\.name))
        for (a, b) in zip(here.state.weights, there.state.weights) {
            let scale = Double(a.value.magnitude().maximum().item)
            let apart = (a.value - b.value.to(.cpu)).magnitude().maximum().item
            #expect(Double(apart) <= tolerance * scale, "\(a.name): \(apart) of \(scale)")
        }
    }

    @Test func aRunIsThatOfTheProcessorAndItsStepsAreRepeated() throws {
        var settings = Hyperparameters()
        settings.epochs = 3
        settings.batchSize = 32
        settings.optimizer = .sgd(momentum: 0.9, weightDecay: 1e-4)
        settings.learningRate = .step(0.05, everyPercent: 40, factor: 0.3)
        // 144 images: four batches of 32 and one of 16 an epoch. Of the 12 large ones the first three are taken as always,
        // and the small ones all three. Rounding differs and is amplified from step to step: to 1.2e-6 at most on the
        // simulation, and a card has an `exp` of its own.
        try compare(settings, replays: 9, tolerance: 1e-4) { SmallNet() }
        settings.optimizer = .adam()
        settings.learningRate = .fixed(0.002)
        try compare(settings, replays: 9, tolerance: 1e-4) { MixedNet() }
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
        #expect(run.replays == 0 && run.obstacle == "it reads elements meanwhile")
        #expect(run.state.step == 9)
    }
}
