import Datasets
import NeuralNetworks
import Tensors

/// What you choose before a network learns; the network itself finds the rest, its weights.
///
///     var settings = Hyperparameters(epochs: 10)
///     settings.learningRate = .step(0.01, everyPercent: 33, factor: 0.1)
///     let run = try train(LeNet(), on: data, settings)
///
/// The defaults are those of NVIDIA DIGITS with its LeNet; what DIGITS did not have is off. What needs a picture to be
/// understood shows one: `settings.learningRate` its course, `settings` a table of everything.
public struct Hyperparameters: Sendable, Hashable, Codable {
    /// How often the network sees every training image. Few leave it half-taught; with many it begins to learn the
    /// training images by heart, which the validation loss shows by rising.
    public var epochs: Int

    /// After how many images the weights are adjusted once. Large batches use the processor better and give steadier
    /// steps, but fewer of them in an epoch. A power of two fits the hardware best.
    public var batchSize: Int

    /// How the weights follow the gradient. Momentum keeps part of the step before, which smooths the way; weight decay
    /// pulls every weight towards nought a little, which keeps the network simple.
    public var optimizer: Optimizer.Method

    /// How far each adjustment goes, and how that changes over the training. Too large and the loss leaps about or
    /// becomes infinite; too small and it hardly falls.
    public var learningRate: LearningRate

    /// After how many epochs the network is tried on the validation part. 0 is never.
    public var validationInterval: Int

    /// After how many epochs the state of the run is kept, so that it can go on from there. 0 is never.
    public var snapshotInterval: Int

    /// What everything random starts from: the first weights, the order of the images, augmentation. The same seed
    /// gives the same run.
    public var seed: Int

    /// Whether the images come in another order in every epoch. Images sorted by class teach badly in their order.
    public var shuffles: Bool

    /// How many batches go into one adjustment of the weights. 4 batches of 64 adjust them as one batch of 256 does, in
    /// the memory of 64. (Batch normalisation still sees 64 images at a time.)
    public var accumulation: Int

    /// Shortens the gradient where it is longer than this, all parameters taken as one vector; `nil` leaves it. One
    /// strange batch can then not throw the weights far away.
    public var gradientLimit: Double?

    /// What part of the answer is spread over all classes alike, so that the network does not strive for certainty that
    /// no image deserves; 0.1 is usual (Szegedy et al., 2015). The training loss then includes that part and cannot
    /// reach 0; the validation loss is without it.
    public var labelSmoothing: Double

    /// Keeps a running mean of the weights, which is used in their place for validation and in the end: how much of it
    /// stays at each step, 0.99 or 0.999. The mean wavers less than the weights do. `nil` keeps none.
    public var averaging: Double?

    /// Whether the run ends with the weights that had the highest validation accuracy, and not with the last ones.
    public var keepsBest: Bool

    /// Ends the training when the validation loss has not fallen for so many validations; `nil` goes on to the end.
    public var patience: Int?

    /// Lowers the learning rate, on top of its course, when the validation loss stops falling: `Plateau(factor: 0.1,
    /// patience: 3)`. `nil` leaves it.
    public var plateau: Plateau?

    /// How exactly a GPU multiplies while the network learns. `.tf32` and `.bfloat16` use its tensor cores; weights and
    /// sums keep `float32`, and so do validation and use. The processor multiplies exactly whatever stands here.
    public var precision: ProductPrecision

    /// How many of the last snapshots are kept; the one with the highest validation accuracy is kept besides.
    public var snapshotsKept: Int

    /// Every setting has its default unless given, DIGITS' where it has that setting: `Hyperparameters(epochs: 10, batchSize: 128)`.
    public init(
        epochs: Int = 30,
        batchSize: Int = 64,
        optimizer: Optimizer.Method = .sgd(momentum: 0.9, weightDecay: 1e-4),
        learningRate: LearningRate = .step(0.01, everyPercent: 33, factor: 0.1),
        validationInterval: Int = 1,
        snapshotInterval: Int = 1,
        seed: Int = 1,
        shuffles: Bool = true,
        accumulation: Int = 1,
        gradientLimit: Double? = nil,
        labelSmoothing: Double = 0.0,
        averaging: Double? = nil,
        keepsBest: Bool = false,
        patience: Int? = nil,
        plateau: Plateau? = nil, precision: ProductPrecision = .float32,
        snapshotsKept: Int = 2
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.validationInterval = validationInterval
        self.snapshotInterval = snapshotInterval
        self.seed = seed
        self.shuffles = shuffles
        self.accumulation = accumulation
        self.gradientLimit = gradientLimit
        self.labelSmoothing = labelSmoothing
        self.averaging = averaging
        self.keepsBest = keepsBest
        self.patience = patience
        self.plateau = plateau
        self.precision = precision
        self.snapshotsKept = snapshotsKept
    }

    /// Settings of a run that was kept by an earlier version have what is new at its default.
    public init(from decoder: any Decoder) throws {
        self.init()
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func take<Value: Decodable>(_ key: CodingKeys, _ setting: inout Value) throws {
            if let value = try values.decodeIfPresent(Value.self, forKey: key) { setting = value }
        }
        try take(.epochs, &epochs)
        try take(.batchSize, &batchSize)
        try take(.optimizer, &optimizer)
        try take(.learningRate, &learningRate)
        try take(.validationInterval, &validationInterval)
        try take(.snapshotInterval, &snapshotInterval)
        try take(.seed, &seed)
        try take(.shuffles, &shuffles)
        try take(.accumulation, &accumulation)
        try take(.gradientLimit, &gradientLimit)
        try take(.labelSmoothing, &labelSmoothing)
        try take(.averaging, &averaging)
        try take(.keepsBest, &keepsBest)
        try take(.patience, &patience)
        try take(.plateau, &plateau)
        try take(.precision, &precision)
        try take(.snapshotsKept, &snapshotsKept)
    }

    /// Says what cannot be, before anything is computed.
    func check() throws {
        func refuse(_ problem: String?) throws {
            if let problem { throw TrainingError("train: \(problem)") }
        }
        if epochs < 1 { try refuse("\(epochs) epochs are none; choose 1 or more") }
        if batchSize < 1 { try refuse("a batch of \(batchSize) images is none; choose 1 or more") }
        if accumulation < 1 { try refuse("accumulation is \(accumulation); choose 1 batch or more") }
        // Beyond this the count of steps could leave the range of whole numbers.
        if max(epochs, batchSize, accumulation) > 1_000_000 {
            try refuse("epochs, batchSize and accumulation are at most 1,000,000")
        }
        try refuse(learningRate.problem ?? optimizer.problem ?? plateau?.problem)
        if let gradientLimit, !(gradientLimit > 0 && gradientLimit.isFinite) {
            try refuse("gradientLimit is \(gradientLimit); choose a number above 0, or nil for no limit")
        }
        if !(labelSmoothing >= 0 && labelSmoothing < 1) {
            try refuse("labelSmoothing is \(labelSmoothing); choose 0 or more and less than 1")
        }
        if let averaging, !(averaging > 0 && averaging < 1) {
            try refuse("averaging is \(averaging); choose a number between 0 and 1, or nil for no average")
        }
        if validationInterval < 0 || snapshotInterval < 0 {
            try refuse("an interval counts epochs and cannot be negative; 0 is never")
        }
        if snapshotsKept < 1 { try refuse("snapshotsKept is \(snapshotsKept); choose 1 or more") }
        if let patience, patience < 1 || validationInterval == 0 {
            try refuse("patience needs 1 or more validations to wait for, and a validation interval")
        }
        if validationInterval == 0 && (keepsBest || plateau != nil) {
            try refuse(
                "\(keepsBest ? "keepsBest" : "plateau") looks at validations; set validationInterval to 1 or more")
        }
    }

    /// The same for settings that need something of the data.
    func check(for data: DatasetSplit) throws {
        guard data.validation.count == 0 else { return }
        let needy = [("patience", patience != nil), ("keepsBest", keepsBest), ("plateau", plateau != nil)]
        if let (name, _) = needy.first(where: \.1) {
            throw TrainingError(
                "train: \(name) looks at validations, but the validation part has no images; give it a share when you split"
            )
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
