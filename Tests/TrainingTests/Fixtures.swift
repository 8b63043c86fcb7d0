import Datasets
import Display
import Glibc
import NeuralNetworks
import Synchronization
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

/// Six epochs of nine steps each: `bars` has 144 training images.
var sixEpochs: Hyperparameters {
    var settings = Hyperparameters()
    settings.epochs = 6
    settings.batchSize = 16
    settings.learningRate = .step(0.05, everyPercent: 50, factor: 0.1)
    return settings
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
