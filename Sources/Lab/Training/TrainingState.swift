import Datasets
import NeuralNetworks
import Tensors

/// Everything that the rest of a run depends on, besides its settings and its data: a run that goes on from it reaches
/// the same weights, to the bit, as one that was never broken off.
///
/// Nothing random has a state of its own here: the order of the images, augmentation and dropout are drawn anew for
/// each epoch and step from the seed.
struct TrainingState: Sendable {
    /// Batches behind, over all epochs.
    var step = 0
    var weights: [(name: String, value: Tensor)] = []
    /// The optimizer's running sums.
    var moments: [(name: String, value: Tensor)] = []
    var history = History()
    /// What was added up since the last point of the history.
    var lossSum = 0.0
    var lossCount = 0
}

extension DatasetSplit {
    /// Tells data sets apart: a run that goes on with others would not be the same run.
    var fingerprint: String {
        // FNV-1a over what the training part is made of. 16 images stand for all of them.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ value: UInt64) {
            var value = value
            for _ in 0..<8 {
                hash = (hash ^ (value & 255)) &* 0x100_0000_01B3
                value >>= 8
            }
        }
        for part in [training, validation] {
            mix(UInt64(part.count))
            for size in part.imageShape.sizes { mix(UInt64(size)) }
            for label in part.labels { mix(UInt64(label)) }
            for index in stride(from: 0, to: part.count, by: max(1, part.count / 16)) {
                for pixel in part[index].image.pixels { mix(UInt64(pixel)) }
            }
            for number in (part.normalization?.mean ?? []) + (part.normalization?.deviation ?? []) {
                mix(number.bitPattern)
            }
        }
        return String(hash, radix: 16)
    }
}
