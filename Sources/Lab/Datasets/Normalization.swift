import Display
import Tensors

/// How bytes become numbers around nought: (byte / 255 - mean) / deviation, for each channel.
public struct Normalization: Sendable, Hashable, Codable {
    /// For each channel, where black is 0 and the brightest is 1.
    public var mean: [Double]
    public var deviation: [Double]

    public init(mean: [Double], deviation: [Double]) {
        self.mean = mean
        self.deviation = deviation
    }

    /// Leaves what is there, 0 to 1.
    static func none(channels: Int) -> Normalization {
        Normalization(
            mean: [Double](repeating: 0, count: channels), deviation: [Double](repeating: 1, count: channels))
    }

    /// Mean and standard deviation of all pixels of a channel, over all images of `dataset`.
    ///
    /// Computed from whole numbers, so exactly and alike everywhere. A channel that is the same everywhere keeps its
    /// deviation of 1.
    public init(of dataset: Dataset) {
        let channels = dataset.imageShape[0]
        let size = dataset.imageShape.elementCount
        let area = size / max(channels, 1)
        mean = []
        deviation = []
        for channel in 0..<channels {
            var histogram = [Int](repeating: 0, count: 256)
            dataset.pixels.withUnsafeBufferPointer { pixels in
                histogram.withUnsafeMutableBufferPointer { histogram in
                    for index in dataset.indices {
                        let start = Int(index) * size + channel * area
                        for pixel in start..<start + area { histogram[Int(pixels[pixel])] += 1 }
                    }
                }
            }
            let count = Double(max(1, dataset.count * area))
            let sum = histogram.indices.reduce(0) { $0 + $1 * histogram[$1] }
            let squares = histogram.indices.reduce(0) { $0 + $1 * $1 * histogram[$1] }
            let average = Double(sum) / count
            let variance = max(0, Double(squares) / count - average * average)
            mean.append(average / 255)
            deviation.append(variance > 0 ? variance.squareRoot() / 255 : 1)
        }
    }
}

extension Normalization: CustomStringConvertible {
    public var description: String {
        let means = mean.map { $0.fixed(4) }.joined(separator: ", ")
        let deviations = deviation.map { $0.fixed(4) }.joined(separator: ", ")
        return "(pixel / 255 - \(means)) / \(deviations)"
    }
}

extension Dataset {
    /// The same images, normalised by their own mean and deviation, or by those given.
    ///
    /// To test a model on a data set of its own, give it the model's: what the network is shown must be scaled as what
    /// it has learned from was.
    public func normalized(by normalization: Normalization? = nil) -> Dataset {
        var result = self
        result.normalization = normalization ?? Normalization(of: self)
        return result
    }
}
