import Datasets
import NeuralNetworks
import Tensors

/// Everything that the rest of a run depends on, besides its settings and its data: a run that goes on from it reaches
/// the same weights, to the bit, as one that was never broken off.
///
/// Nothing random has a state of its own here: the order of the images, augmentation and dropout are drawn anew for
/// each epoch and step from the seed. Patience is counted in the history's validations.
struct TrainingState: Sendable {
    typealias Values = [(name: String, value: Tensor)]

    /// What is not a tensor.
    struct Progress: Sendable, Codable {
        /// Adjustments of the weights behind, over all epochs.
        var step = 0
        /// What was added up since the last point of the history.
        var lossSum = 0.0
        var lossCount = 0
        /// How many steps are in the average.
        var averageCount = 0
        /// What the plateau has lowered the rate by so far, and what it waits for.
        var rateFactor = 1.0
        var plateau: Plateau?
        /// What the user has turned the rate to while it ran.
        var controlFactor = 1.0
        /// The validation from which on patience is counted: a run that had run out of it may go on.
        var patienceStart = 0
        var history = History()
    }

    var progress = Progress()
    var weights: Values = []
    /// The optimizer's running sums.
    var moments: Values = []
    /// The mean of the weights, where it is kept.
    var average: Values = []
    /// The weights of the best validation, where they are kept.
    var best: Values = []

    /// The weights that the network is used with.
    func answer(_ settings: Hyperparameters) -> Values {
        if settings.keepsBest && !best.isEmpty { return best }
        return average.isEmpty ? weights : average
    }

    var step: Int {
        get { progress.step }
        set { progress.step = newValue }
    }
    var history: History {
        get { progress.history }
        _modify { yield &progress.history }
    }
}

extension Hyperparameters {
    /// How often the weights are adjusted in an epoch of so many images.
    func stepsPerEpoch(of images: Int) -> Int {
        let batches = (images + batchSize - 1) / batchSize
        return max(1, (batches + accumulation - 1) / accumulation)
    }
}

extension DatasetSplit {
    /// Tells data sets apart: a run that goes on with others would not be the same run.
    var fingerprint: String {
        // Of what the training part is made of; 16 images stand for all of them.
        var hash = FNV1a()
        for part in [training, validation] {
            hash.mix(UInt64(part.count))
            for size in part.imageShape.sizes { hash.mix(UInt64(size)) }
            for label in part.labels { hash.mix(UInt64(label)) }
            for index in stride(from: 0, to: part.count, by: max(1, part.count / 16)) {
                for pixel in part[index].image.pixels { hash.mix(UInt64(pixel)) }
            }
            for number in (part.normalization?.mean ?? []) + (part.normalization?.deviation ?? []) {
                hash.mix(number.bitPattern)
            }
            for number in part.normalization?.meanImage ?? [] { hash.mix(UInt64(number.bitPattern)) }
        }
        for augmentation in training.augmentations {
            for byte in "\(augmentation)".utf8 { hash.mix(UInt64(byte)) }
        }
        return String(hash.value, radix: 16)
    }
}
