import Datasets
import Display
import Glibc
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// A folder of a test's own, removed afterwards.
func inFolder(_ body: (String) throws -> Void) throws {
    let folder = "/tmp/swift-lab-runs-\(UInt32.random(in: 0...UInt32.max))"
    try makeFolder(folder)
    defer { removeFolder(folder) }
    try body(folder)
}

/// The same for tests that start processes.
func inFolderOfProcesses(_ body: (String) async throws -> Void) async throws {
    let folder = "/tmp/swift-lab-runs-\(UInt32.random(in: 0...UInt32.max))"
    try makeFolder(folder)
    defer { removeFolder(folder) }
    try await body(folder)
}

/// A network with all that has a state besides weights: running statistics, and dropout, which draws random numbers.
final class RichNet: Module {
    let conv = Conv2D(6, kernel: 3, bias: false), norm = BatchNorm(), drop = Dropout(0.2), output = Dense(3)
    func callAsFunction(_ images: Tensor) -> Tensor {
        output(drop(maxPool(relu(norm(conv(images))), 2).flattened()))
    }
}

/// Settings in which everything is switched on that the rest of a run could depend on.
func richSettings(epochs: Int = 10) -> Hyperparameters {
    var settings = Hyperparameters()
    settings.epochs = epochs
    settings.batchSize = 16
    settings.optimizer = .adamW()
    settings.learningRate = .oneCycle(0.01)
    settings.accumulation = 2
    settings.gradientLimit = 1
    settings.labelSmoothing = 0.1
    settings.averaging = 0.9
    settings.keepsBest = true
    settings.patience = 50
    settings.plateau = Plateau(factor: 0.5, patience: 0)
    return settings
}

func richBars() throws -> DatasetSplit {
    var data = try bars()
    data.training = data.training.augmented(.shift(1), .noise(0.05))
    return data
}

/// A number that two states have in common only if they are the same to the bit; the time that training took is left out.
func fingerprint(_ state: TrainingState) -> String {
    var hash = FNV1a()
    for (name, value) in state.weights + state.moments + state.average + state.best {
        hash.mix(name)
        for scalar in value.scalars { hash.mix(UInt64(scalar.bitPattern)) }
    }
    let progress = state.progress
    hash.mix(UInt64(progress.step))
    for number in [progress.lossSum, progress.rateFactor, progress.controlFactor, Double(progress.averageCount)] {
        hash.mix(number.bitPattern)
    }
    for point in progress.history.points { hash.mix(point.loss.bitPattern) }
    for validation in progress.history.validations { hash.mix(validation.loss.bitPattern) }
    hash.mix("\(String(describing: progress.plateau))")
    return String(hash.value, radix: 16)
}
