import Display
import Tensors

/// How bytes become numbers around nought: (byte / 255 - mean) / deviation, for each channel.
///
/// It belongs to the model: what a network is shown must be scaled as what it has learned from was.
public struct Normalization: Sendable, Hashable, Codable {
    /// What is subtracted, and whether the rest is divided by its deviation.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// For each channel its mean, and then its deviation: what most networks want.
        case meanAndDeviation
        /// For each channel its mean (DIGITS' "pixel").
        case meanPixel
        /// For each pixel the mean of that pixel (DIGITS' "image"): for images that all show their subject in the same place.
        case meanImage
        /// Nothing: 0 to 255 become 0 to 1.
        case none
    }

    /// For each channel, where black is 0 and the brightest is 1.
    public var mean: [Double]
    public var deviation: [Double]
    /// `[channels, height, width]`, 0 to 1, subtracted in the place of `mean`.
    public var meanImage: [Float]?

    public init(mean: [Double], deviation: [Double]) {
        self.mean = mean
        self.deviation = deviation
    }

    /// What `kind` says, taken from `dataset`.
    public init(_ kind: Kind, of dataset: Dataset) {
        let channels = dataset.imageShape[0]
        let whole = kind == .none ? Normalization.none(channels: channels) : Normalization(of: dataset)
        self = whole
        if kind == .meanPixel || kind == .meanImage { deviation = [Double](repeating: 1, count: channels) }
        if kind == .meanImage { meanImage = dataset.meanValues.map { Float($0 / 255) } }
    }

    /// Leaves what is there, 0 to 1.
    public static func none(channels: Int) -> Normalization {
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
        let means =
            meanImage == nil ? mean.map { $0.fixed(4) }.joined(separator: ", ") : "mean image"
        let deviations = deviation.map { $0.fixed(4) }.joined(separator: ", ")
        let difference = "pixel / 255 - \(means)"
        return deviation.allSatisfy { $0 == 1 } ? difference : "(\(difference)) / \(deviations)"
    }
}

extension Dataset {
    /// The mean of every pixel over all images, 0 to 255: `[channels, height, width]`.
    var meanValues: [Double] {
        let size = imageShape.elementCount
        var sums = [Int](repeating: 0, count: size)
        pixels.withUnsafeBufferPointer { pixels in
            sums.withUnsafeMutableBufferPointer { sums in
                for index in indices {
                    let image = pixels.baseAddress! + Int(index) * size
                    for pixel in 0..<size { sums[pixel] += Int(image[pixel]) }
                }
            }
        }
        return sums.map { Double($0) / Double(Swift.max(count, 1)) }
    }

    /// The same images, normalised by what `kind` says, taken from these images.
    public func normalized(_ kind: Normalization.Kind) -> Dataset { normalized(by: Normalization(kind, of: self)) }

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
