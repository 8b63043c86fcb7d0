import Display
import Pictures
import Tensors

/// Labelled images, all of one size: what a network learns from and is tested on.
///
///     let digits = try Dataset.mnist()
///     digits                                     // 40 samples, a bar per class, and where they come from
///     digits[0].image                            // the first image
///     digits.show(label: 3)
///
/// A value. Parts of a data set share its images, as bytes, with it: splitting 70,000 images costs a list of numbers.
public struct Dataset: Sendable {
    public var name: String
    /// Where the images come from: a sentence.
    public var source: String
    public let classNames: [String]
    /// `[channels, height, width]` of every image.
    public let imageShape: Shape
    /// How bytes become the numbers that a network sees; without it, 0 to 255 become 0 to 1.
    public var normalization: Normalization?
    /// What happens to images on their way to a network that learns from them.
    public var augmentations: [Augmentation] = []

    /// Of the whole that this is a part of: `[stored, channels, height, width]`, and a label for each.
    let pixels: [UInt8]
    let storedLabels: [Int32]
    /// Which of the stored images are in this part, in order.
    let indices: [Int32]

    init(
        name: String, source: String, classNames: [String], imageShape: Shape, pixels: [UInt8], labels: [Int32],
        indices: [Int32]
    ) {
        self.name = name
        self.source = source
        self.classNames = classNames
        self.imageShape = imageShape
        self.pixels = pixels
        storedLabels = labels
        self.indices = indices
    }

    /// A data set of images that are at hand.
    ///
    /// - Parameters:
    ///   - pixels: `[count, channels, height, width]`, 0 black to 255.
    ///   - shape: `[channels, height, width]`; 1 channel (grey) or 3 (red, green, blue).
    ///   - labels: A class for each image, 0 the first.
    /// - Throws: `DatasetError` when sizes do not fit, or a label has no class.
    public init(
        _ name: String, pixels: [UInt8], shape: Shape, labels: [Int], classNames: [String],
        source: String = "made in this program"
    ) throws {
        guard shape.rank == 3, [1, 3].contains(shape[0]), shape.elementCount > 0 else {
            throw DatasetError("\(name): images of shape \(shape) are not [1 or 3, height, width]")
        }
        guard pixels.count == labels.count * shape.elementCount else {
            throw DatasetError(
                "\(name): \(pixels.count.grouped) bytes are not \(labels.count.counted("image")) of shape \(shape)")
        }
        if let wrong = labels.indices.first(where: { !classNames.indices.contains(labels[$0]) }) {
            throw DatasetError(
                "\(name): image \(wrong.grouped) has label \(labels[wrong]), but there are \(classNames.count) classes (0 to \(classNames.count - 1))"
            )
        }
        self.init(
            name: name, source: source, classNames: classNames, imageShape: shape, pixels: pixels,
            labels: labels.map(Int32.init), indices: labels.indices.map(Int32.init))
    }

    /// A data set of images that are a tensor.
    ///
    /// - Parameters:
    ///   - images: `[count, channels, height, width]`, 0 black to 1; kept as bytes.
    ///   - labels: A class for each image, 0 the first.
    /// - Throws: `DatasetError` when sizes do not fit, a label has no class, or a value is not from 0 to 1.
    public init(
        _ name: String, images: Tensor, labels: [Int], classNames: [String], source: String = "made in this program"
    ) throws {
        guard images.rank == 4 else {
            throw DatasetError("\(name): a tensor of shape \(images.shape) is not [count, channels, height, width]")
        }
        let scalars = images.scalars
        let shape = Shape(Array(images.shape.sizes[1...]))
        // A millionth beyond is what computing leaves.
        if let wrong = scalars.firstIndex(where: { !($0 >= -1e-6 && $0 <= 1 + 1e-6) }) {
            let value = scalars[wrong].isNaN ? "NaN" : Double(scalars[wrong]).significant(4)
            throw DatasetError(
                "\(name): image \((wrong / shape.elementCount).grouped) has a pixel of \(value); pixels are 0 (black) to 1, so scale them or leave that image out"
            )
        }
        try self.init(
            name, pixels: scalars.map(UInt8.init(brightness:)), shape: shape, labels: labels, classNames: classNames,
            source: source)
    }

    /// The number of images.
    public var count: Int { indices.count }

    /// The class of each image.
    public var labels: [Int] { indices.map { Int(storedLabels[Int($0)]) } }

    /// How many images of each class there are.
    public var classCounts: [Int] {
        var counts = [Int](repeating: 0, count: classNames.count)
        for index in indices { counts[Int(storedLabels[Int(index)])] += 1 }
        return counts
    }

    /// Which images of the data set that this is a part of are in it, in order.
    public var positions: [Int] { indices.map(Int.init) }

    /// The image at `index`, with its class.
    public subscript(index: Int) -> Sample {
        guard index >= 0 && index < count else {
            fatalError("Dataset: there is no image \(index) in \(name); it has \(count.grouped), numbered from 0.")
        }
        let position = Int(indices[index])
        let size = imageShape.elementCount
        let label = Int(storedLabels[position])
        return Sample(
            image: Image(
                planes: pixels[position * size..<(position + 1) * size], channels: imageShape[0],
                height: imageShape[1], width: imageShape[2]),
            label: label, className: classNames[label], index: index)
    }

    /// The images at `range`.
    public subscript(range: Range<Int>) -> Dataset {
        guard range.lowerBound >= 0 && range.upperBound <= count else {
            fatalError("Dataset: images \(range) are not all in \(name); it has \(count.grouped), numbered from 0.")
        }
        return selecting(range.map { $0 })
    }

    /// The images at the given places, in the given order.
    public func selecting(_ places: [Int]) -> Dataset {
        check(places, "selecting")
        var part = Dataset(
            name: name, source: source, classNames: classNames, imageShape: imageShape, pixels: pixels,
            labels: storedLabels, indices: places.map { indices[$0] })
        part.normalization = normalization
        part.augmentations = augmentations
        return part
    }

    /// The images of one class.
    public func only(label: Int) -> Dataset {
        guard classNames.indices.contains(label) else {
            fatalError("Dataset: \(name) has no class \(label); it has \(classNames.count), numbered from 0.")
        }
        return selecting((0..<count).filter { storedLabels[Int(indices[$0])] == Int32(label) })
    }

    /// No fewer and no more images of each class than this: classes with fewer are left out, of the others a random
    /// choice is kept.
    public func limited(perClass limits: ClosedRange<Int>, seed: Int = 1) -> Dataset {
        var byClass = [[Int]](repeating: [], count: classNames.count)
        for (place, label) in labels.enumerated() { byClass[label].append(place) }
        let generator = RandomGenerator(seed: seed).split("limited")
        var places: [Int] = []
        // Classes that are left out leave no number behind: a network would get an output that nothing teaches.
        var names: [String] = []
        var newLabels = [Int32](repeating: -1, count: classNames.count)
        for (label, members) in byClass.enumerated() where members.count >= limits.lowerBound {
            var generator = generator.split(UInt64(label))
            places += generator.shuffled(members).prefix(limits.upperBound)
            newLabels[label] = Int32(names.count)
            names.append(classNames[label])
        }
        guard names.count < classNames.count else { return selecting(places.sorted()) }
        var result = Dataset(
            name: name, source: source, classNames: names, imageShape: imageShape, pixels: pixels,
            labels: storedLabels.map { newLabels[Int($0)] }, indices: places.sorted().map { indices[$0] })
        result.normalization = normalization
        result.augmentations = augmentations
        return result
    }
}

extension UInt8 {
    /// The byte of a pixel: 0 is black, 1 and above as bright as can be.
    init(brightness: Float) { self = UInt8((Swift.min(1, Swift.max(0, brightness)) * 255).rounded()) }
}

/// One image of a data set and what it shows.
public struct Sample: Sendable {
    public var image: Image
    public var label: Int
    public var className: String
    /// Its place in the data set.
    public var index: Int
}

/// What is wrong with some data: one sentence that says what and where.
public struct DatasetError: Error, Hashable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
