import Datasets
import Display
internal import FoundationEssentials
import NeuralNetworks
import Pictures
import Synchronization
import Tensors

/// How an image becomes what a network takes, and what the network's answers are called. It belongs to the network:
/// shown images that were prepared otherwise, it guesses.
///
///     run.classifier.preparation
///     → 1 × 28 × 28, grey, (pixel / 255 - 0.1310) / 0.3085, 10 classes: 0, 1, 2, …
public struct Preparation: Sendable, Hashable {
    /// `[channels, height, width]`
    public var imageShape: Shape
    /// How images of other proportions become that size.
    public var fit: Image.Fit
    public var normalization: Normalization
    public var classNames: [String]

    public init(imageShape: Shape, fit: Image.Fit = .squash, normalization: Normalization, classNames: [String]) {
        self.imageShape = imageShape
        self.fit = fit
        self.normalization = normalization
        self.classNames = classNames
    }

    /// That of images which a network learns from.
    public init(_ dataset: Dataset) {
        self.init(
            imageShape: dataset.imageShape,
            normalization: dataset.normalization ?? .none(channels: dataset.imageShape[0]),
            classNames: dataset.classNames)
    }

    /// An image in the network's size and colours, as it will see it.
    public func prepared(_ image: Image) -> Image {
        let colors = imageShape[0] == 1 ? image.gray : image.colored
        return colors.resized(width: imageShape[2], height: imageShape[1], fit: fit)
    }

    /// `[images, channels, height, width]`, normalised.
    public func tensor(_ images: [Image]) -> Tensor {
        let pixels = images.flatMap { prepared($0).planes }
        // Labels are not looked at: any will do.
        let dataset = try? Dataset(
            "images", pixels: pixels, shape: imageShape, labels: images.map { _ in 0 }, classNames: ["image"])
        guard let dataset else { fatalError("Preparation: images of \(imageShape) cannot be made.") }
        return dataset.normalized(by: normalization).images
    }

    // MARK: Networks that were trained here know theirs

    private struct Known: @unchecked Sendable {
        weak var model: (any Module)?
        let preparation: Preparation
        /// The run whose weights it has; 0 while it is trained.
        var owner: UInt64 = 0
    }
    private static let known = Mutex<[ObjectIdentifier: Known]>([:])

    static func remember(_ preparation: Preparation, of model: any Module) {
        let entry = Known(model: model, preparation: preparation)
        known.withLock { all in
            all = all.filter { $0.value.model != nil }
            all[ObjectIdentifier(model)] = entry
        }
    }

    /// Notes whose weights the model has now. False where they were that run's already.
    @discardableResult static func setOwner(_ owner: UInt64, of model: any Module) -> Bool {
        known.withLock { all in
            guard all[ObjectIdentifier(model)]?.owner != owner else { return false }
            all[ObjectIdentifier(model)]?.owner = owner
            return true
        }
    }

    static func of(_ model: any Module) -> Preparation? {
        known.withLock { $0[ObjectIdentifier(model)] }.flatMap { $0.model === model ? $0.preparation : nil }
    }
}

extension Preparation: Codable {
    private enum CodingKeys: String, CodingKey {
        case imageShape, fit, mean, meanImage, deviation, classNames
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let sizes = try values.decode([Int].self, forKey: .imageShape)
        let mean = try values.decode([Double].self, forKey: .mean)
        let deviation = try values.decode([Double].self, forKey: .deviation)
        func refuse(_ key: CodingKeys, _ what: String) -> DecodingError {
            .dataCorruptedError(forKey: key, in: values, debugDescription: what)
        }
        guard sizes.count == 3, [1, 3].contains(sizes[0]), sizes.allSatisfy({ (1...65_536).contains($0) }) else {
            throw refuse(.imageShape, "\(sizes) is not [1 or 3, height, width]")
        }
        guard mean.count == sizes[0], deviation.count == sizes[0], deviation.allSatisfy({ $0 > 0 && $0.isFinite }),
            mean.allSatisfy(\.isFinite)
        else { throw refuse(.mean, "mean and deviation are needed for each of \(sizes[0]) channels") }
        imageShape = Shape(sizes)
        fit = try values.decode(Image.Fit.self, forKey: .fit)
        normalization = Normalization(mean: mean, deviation: deviation)
        normalization.meanImage = try values.decodeIfPresent([Float].self, forKey: .meanImage)
        if let image = normalization.meanImage, image.count != imageShape.elementCount || !image.allSatisfy(\.isFinite)
        {
            throw refuse(.meanImage, "a mean image of \(image.count) numbers does not fit images of \(sizes)")
        }
        classNames = try values.decode([String].self, forKey: .classNames)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(imageShape.sizes, forKey: .imageShape)
        try values.encode(fit, forKey: .fit)
        try values.encode(normalization.mean, forKey: .mean)
        try values.encode(normalization.deviation, forKey: .deviation)
        try values.encodeIfPresent(normalization.meanImage, forKey: .meanImage)
        try values.encode(classNames, forKey: .classNames)
    }
}

extension Preparation: CustomStringConvertible {
    public var description: String {
        let names = classNames.prefix(10).joined(separator: ", ") + (classNames.count > 10 ? ", …" : "")
        let sizes = imageShape.sizes.map(String.init).joined(separator: " × ")
        return
            "\(sizes), \(imageShape[0] == 1 ? "grey" : "red, green and blue"), \(normalization), \(classNames.count) classes: \(names)"
    }
}
