internal import Dispatch
import Display
import Synchronization
import Tensors

/// A few images at once, as a network takes them.
public struct Batch: Sendable {
    /// `[batch, channels, height, width]`, normalised.
    public var images: Tensor
    /// `[batch]`, `int32`.
    public var labels: Tensor
    /// The places of the images in the data set.
    public var places: [Int]
    public var count: Int { places.count }
}

/// A data set cut into batches. The last one holds what is left over.
///
/// Where images are changed on the way, the next two batches are made on another thread meanwhile.
public struct Batches: Sequence, Sendable {
    let dataset: Dataset
    let size: Int
    /// The places of all images in the order in which they come.
    let order: [Int]
    /// What augmentation depends on; `nil` leaves the images as they are.
    var occasion: (seed: Int, epoch: Int)?
    /// The data set on a GPU, if its batches are made there.
    package var resident: ResidentImages?
    /// Where images and labels are made, also by threads that make them ahead.
    package var device = Device.default

    /// The order as `resident` takes it: places among all images that the data set is a part of.
    package var storedOrder: [Int32] { order.map { dataset.indices[$0] } }

    /// The number of batches.
    public var count: Int { (order.count + size - 1) / size }

    /// The batch at `index`, from 0.
    public subscript(index: Int) -> Batch {
        guard index >= 0 && index < count else {
            fatalError("Batches: there is no batch \(index); there are \(count), numbered from 0.")
        }
        let places = Array(order[index * size..<Swift.min((index + 1) * size, order.count)])
        if let resident {
            let (images, labels) = resident.batch(at: places.map { dataset.indices[$0] })
            return Batch(images: images, labels: labels, places: places)
        }
        return device.run {
            Batch(
                images: dataset.images(at: places, occasion: occasion), labels: dataset.labels(at: places),
                places: places)
        }
    }

    public func makeIterator() -> AnyIterator<Batch> { iterator(from: 0) }

    /// The batches from `index` on: where a run that was broken off goes on.
    public func iterator(from index: Int) -> AnyIterator<Batch> {
        var next = index
        guard occasion != nil && !dataset.augmentations.isEmpty else {
            return AnyIterator {
                guard next < count else { return nil }
                defer { next += 1 }
                return self[next]
            }
        }
        var ahead: [Pending] = []
        return AnyIterator {
            while ahead.count < 2 && next + ahead.count < count {
                ahead.append(Pending(self, index: next + ahead.count))
            }
            guard !ahead.isEmpty else { return nil }
            next += 1
            return ahead.removeFirst().wait()
        }
    }

    /// A batch that is being made.
    private final class Pending: Sendable {
        private let result = Mutex<Batch?>(nil)
        private let done = DispatchSemaphore(value: 0)

        init(_ batches: Batches, index: Int) {
            DispatchQueue.global(qos: .userInitiated).async { [self] in
                let batch = batches[index]
                result.withLock { $0 = batch }
                done.signal()
            }
        }

        func wait() -> Batch {
            done.wait()
            return result.withLock { $0! }
        }
    }
}

extension Dataset {
    /// The images in their order, `size` at a time.
    public func batches(of size: Int) -> Batches {
        guard size > 0 else { fatalError("Dataset: a batch of \(size) images is none.") }
        return Batches(dataset: self, size: size, order: Array(0..<count))
    }

    /// The images in an order that depends on the seed and the epoch alone, `size` at a time, augmented if the data
    /// set is. Without `shuffles` they come in their own order.
    public func batches(of size: Int, shuffledBy seed: Int, epoch: Int, shuffles: Bool = true) -> Batches {
        guard size > 0 else { fatalError("Dataset: a batch of \(size) images is none.") }
        var generator = RandomGenerator(seed: seed).split("shuffle").split(UInt64(epoch))
        let order = shuffles ? generator.permutation(count) : Array(0..<count)
        return Batches(dataset: self, size: size, order: order, occasion: (seed, epoch))
    }

    /// All images: `[count, channels, height, width]`, normalised.
    public var images: Tensor { images(at: Array(0..<count)) }

    /// The images at the given places: `[places, channels, height, width]`, normalised.
    public func images(at places: [Int]) -> Tensor {
        check(places, "images(at:)")
        return images(at: places, occasion: nil)
    }

    /// Ends with a sentence where one of the places is none of the data set's.
    func check(_ places: [Int], _ function: String) {
        guard let wrong = places.first(where: { !indices.indices.contains($0) }) else { return }
        fatalError(
            "Dataset.\(function): there is no image \(wrong) in \(name); it has \(count.grouped), numbered from 0.")
    }

    func images(at places: [Int], occasion: (seed: Int, epoch: Int)?) -> Tensor {
        let normalization = normalization ?? .none(channels: imageShape[0])
        let channels = imageShape[0]
        let size = imageShape.elementCount
        let area = size / channels
        let shape = Shape([places.count] + imageShape.sizes)
        let isAugmented = occasion != nil && !augmentations.isEmpty
        // Augmented images are numbers from 0 to 1 already, others bytes.
        let (scales, offsets) = normalization.channelFactors(largest: isAugmented ? 1 : 255)
        let corrections = corrections(normalization)
        return Tensor(shape) { output in
            if let occasion, isAugmented {
                augment(places, seed: occasion.seed, epoch: occasion.epoch, into: output)
                for plane in 0..<places.count * channels {
                    let (scale, offset) = (scales[plane % channels], offsets[plane % channels])
                    let values = output + plane * area
                    for index in 0..<area { values[index] = values[index] * scale + offset }
                }
            } else {
                pixels.withUnsafeBufferPointer { pixels in
                    // A batch of small images is not worth the wakening of another thread.
                    parallel(places.count, grain: max(1, 131_072 / size)) { rows in
                        for row in rows {
                            let source = pixels.baseAddress! + Int(indices[places[row]]) * size
                            for channel in 0..<channels {
                                scaleBytes(
                                    source + channel * area, count: area, by: scales[channel], offset: offsets[channel],
                                    into: output + row * size + channel * area)
                            }
                        }
                    }
                }
            }
            guard let corrections else { return }
            for start in stride(from: 0, to: places.count * size, by: size) {
                for index in 0..<size { output[start + index] += corrections[index] }
            }
        }
    }

    /// The images on a GPU as bytes, for its batches to be made there; `nil` for the processor, and where `isAugmented`
    /// batches are wanted, which the processor makes.
    package func resident(on device: Device, isAugmented: Bool) -> ResidentImages? {
        let normalization = normalization ?? .none(channels: imageShape[0])
        guard device.isGPU, !isAugmented || augmentations.isEmpty else { return nil }
        let (scales, offsets) = normalization.channelFactors(largest: 255)
        return ResidentImages(
            on: device, pixels: pixels, labels: storedLabels, imageShape: imageShape, scales: scales, offsets: offsets,
            corrections: corrections(normalization))
    }

    /// What to add to each value where the mean of its pixel is to be taken, and that of its channel was.
    private func corrections(_ normalization: Normalization) -> [Float]? {
        guard let mean = normalization.meanImage else { return nil }
        guard mean.count == imageShape.elementCount else {
            fatalError(
                "Dataset.images: a mean image of \(mean.count.grouped) values does not fit images of shape \(imageShape); normalise by .meanPixel for images of any size."
            )
        }
        let area = mean.count / imageShape[0]
        return mean.indices.map { index in
            let channel = index / area
            return (Float(normalization.mean[channel]) - mean[index]) / Float(normalization.deviation[channel])
        }
    }

    /// The labels at the given places: `[places]`, `int32`.
    public func labels(at places: [Int]) -> Tensor {
        check(places, "labels(at:)")
        return Tensor(places.map { storedLabels[Int(indices[$0])] }, shape: [places.count])
    }
}

extension Normalization {
    /// For each channel what a value is multiplied with, and what is then added, where values go from 0 to `largest`.
    func channelFactors(largest: Double) -> (scales: [Float], offsets: [Float]) {
        (deviation.map { Float(1 / (largest * $0)) }, zip(mean, deviation).map { Float(-$0 / $1) })
    }
}
