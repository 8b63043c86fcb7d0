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
public struct Batches: Sequence, Sendable {
    let dataset: Dataset
    let size: Int
    /// The places of all images in the order in which they come.
    let order: [Int]

    /// The number of batches.
    public var count: Int { (order.count + size - 1) / size }

    /// The batch at `index`, from 0.
    public subscript(index: Int) -> Batch {
        guard index >= 0 && index < count else {
            fatalError("Batches: there is no batch \(index); there are \(count), numbered from 0.")
        }
        let places = Array(order[index * size..<Swift.min((index + 1) * size, order.count)])
        return Batch(images: dataset.images(at: places), labels: dataset.labels(at: places), places: places)
    }

    public func makeIterator() -> AnyIterator<Batch> {
        var next = 0
        return AnyIterator {
            guard next < count else { return nil }
            defer { next += 1 }
            return self[next]
        }
    }
}

extension Dataset {
    /// The images in their order, `size` at a time.
    public func batches(of size: Int) -> Batches {
        guard size > 0 else { fatalError("Dataset: a batch of \(size) images is none.") }
        return Batches(dataset: self, size: size, order: Array(0..<count))
    }

    /// The images in an order that depends on the seed and the epoch alone, `size` at a time.
    public func batches(of size: Int, shuffledBy seed: Int, epoch: Int) -> Batches {
        guard size > 0 else { fatalError("Dataset: a batch of \(size) images is none.") }
        var generator = RandomGenerator(seed: seed).split("shuffle").split(UInt64(epoch))
        return Batches(dataset: self, size: size, order: generator.permutation(count))
    }

    /// All images: `[count, channels, height, width]`, normalised.
    public var images: Tensor { images(at: Array(0..<count)) }

    /// The images at the given places: `[places, channels, height, width]`, normalised.
    public func images(at places: [Int]) -> Tensor {
        let normalization = normalization ?? .none(channels: imageShape[0])
        let channels = imageShape[0]
        let size = imageShape.elementCount
        let area = size / channels
        let scales = normalization.deviation.map { Float(1 / (255 * $0)) }
        let offsets = zip(normalization.mean, normalization.deviation).map { Float(-$0 / $1) }
        let scalars = [Float](unsafeUninitializedCapacity: places.count * size) { output, count in
            pixels.withUnsafeBufferPointer { pixels in
                for (row, place) in places.enumerated() {
                    for channel in 0..<channels {
                        let source = pixels.baseAddress! + Int(indices[place]) * size + channel * area
                        let target = output.baseAddress! + row * size + channel * area
                        let scale = scales[channel]
                        let offset = offsets[channel]
                        for pixel in 0..<area { target[pixel] = Float(source[pixel]) * scale + offset }
                    }
                }
            }
            count = places.count * size
        }
        return Tensor(scalars, shape: Shape([places.count] + imageShape.sizes))
    }

    /// The labels at the given places: `[places]`, `int32`.
    public func labels(at places: [Int]) -> Tensor {
        Tensor(places.map { storedLabels[Int(indices[$0])] }, shape: [places.count])
    }
}
