import NeuralNetworks

/// What you choose before a network learns; the network itself finds the rest, its weights.
///
///     var settings = Hyperparameters()
///     settings.epochs = 10
///     settings.learningRate = .step(0.01, everyPercent: 33, factor: 0.1)
///     let run = try train(LeNet(), on: data, settings)
///
/// The defaults are those of NVIDIA DIGITS with its LeNet.
public struct Hyperparameters: Sendable, Hashable, Codable {
    /// How often the network sees every training image. Few leave it half-taught; with many it begins to learn the
    /// training images by heart, which the validation loss shows by rising.
    public var epochs = 30

    /// After how many images the weights are adjusted once. Large batches use the processor better and give steadier
    /// steps, but fewer of them in an epoch. A power of two fits the hardware best.
    public var batchSize = 64

    /// How the weights follow the gradient. Momentum keeps part of the step before, which smooths the way; weight decay
    /// pulls every weight towards nought a little, which keeps the network simple.
    public var optimizer = Optimizer.Method.sgd(momentum: 0.9, weightDecay: 1e-4)

    /// How far each adjustment goes, and how that changes over the training. Too large and the loss leaps about or
    /// becomes infinite; too small and it hardly falls.
    public var learningRate = LearningRate.step(0.01, everyPercent: 33, factor: 0.1)

    /// After how many epochs the network is tried on the validation part. 0 is never.
    public var validationInterval = 1

    /// After how many epochs the state of the run is kept, so that it can go on from there. 0 is never.
    public var snapshotInterval = 1

    /// What everything random starts from: the first weights, the order of the images, augmentation. The same seed
    /// gives the same run.
    public var seed = 1

    /// Whether the images come in another order in every epoch. Images sorted by class teach badly in their order.
    public var shuffles = true

    /// Shortens the gradient where it is longer than this, all parameters taken as one vector; `nil` leaves it.
    public var gradientLimit: Double?

    /// Ends the training when the validation loss has not fallen for so many validations; `nil` goes on to the end.
    public var patience: Int?

    public init() {}

    /// Says what cannot be, before anything is computed.
    func check() throws {
        if epochs < 1 { throw TrainingError("train: \(epochs) epochs are none; choose 1 or more") }
        if batchSize < 1 { throw TrainingError("train: a batch of \(batchSize) images is none; choose 1 or more") }
        // Beyond this the count of steps could leave the range of whole numbers.
        if max(epochs, batchSize) > 1_000_000 {
            throw TrainingError("train: epochs and batchSize are at most 1,000,000")
        }
        if let problem = learningRate.problem ?? optimizer.problem { throw TrainingError("train: \(problem)") }
        if let gradientLimit, !(gradientLimit > 0 && gradientLimit.isFinite) {
            throw TrainingError(
                "train: gradientLimit is \(gradientLimit); choose a number above 0, or nil for no limit")
        }
        if validationInterval < 0 || snapshotInterval < 0 {
            throw TrainingError("train: an interval counts epochs and cannot be negative; 0 is never")
        }
        if let patience, patience < 1 || validationInterval == 0 {
            throw TrainingError("train: patience needs 1 or more validations to wait for, and a validation interval")
        }
    }
}

/// Why a network cannot be trained: one sentence that says what, where and what to do about it.
public struct TrainingError: Error, Hashable, CustomStringConvertible {
    public var description: String
    /// What was measured until then, where the loss stopped being a number.
    public internal(set) var history: History?
    public init(_ description: String) { self.description = description }
}
