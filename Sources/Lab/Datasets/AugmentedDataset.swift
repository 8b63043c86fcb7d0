import Display
import Pictures
import Tensors

extension Dataset {
    /// The same images, each time seen a little differently while a network learns from them.
    ///
    /// The number of images stays what it was. What the data set shows, and what it is tested with, are the images as
    /// they are; only shuffled batches, which training takes, are changed.
    public func augmented(_ augmentations: Augmentation...) -> Dataset { augmented(augmentations) }

    public func augmented(_ augmentations: [Augmentation]) -> Dataset {
        check(augmentations)
        // Places in an image are kept in 31 bits.
        guard (imageShape[1] + 3) * (imageShape[2] + 3) < 1 << 31 else {
            fatalError(
                "Dataset.augmented: images of \(imageShape[1]) × \(imageShape[2]) pixels are too large; resize them.")
        }
        var result = self
        result.augmentations += augmentations
        return result
    }

    private func check(_ augmentations: [Augmentation]) {
        for change in augmentations {
            if let problem = change.problem(height: imageShape[1], width: imageShape[2]) {
                fatalError("Dataset.augmented: \(problem).")
            }
        }
    }

    /// The images and their inverse, black for white: twice as many.
    public func withInverted() -> Dataset {
        let size = imageShape.elementCount
        var both: [UInt8] = []
        var labels: [Int32] = []
        both.reserveCapacity(2 * count * size)
        for index in indices {
            both += pixels[Int(index) * size..<(Int(index) + 1) * size]
            labels.append(storedLabels[Int(index)])
        }
        both += both.map { 255 - $0 }
        labels += labels
        return replacing(pixels: both, labels: labels, name: "\(name), with inverted copies")
    }

    /// The images' inverse, black for white.
    public func inverted() -> Dataset {
        let size = imageShape.elementCount
        let inverse = indices.flatMap { index in
            pixels[Int(index) * size..<(Int(index) + 1) * size].map { 255 - $0 }
        }
        let labels = indices.map { storedLabels[Int($0)] }
        return replacing(pixels: inverse, labels: labels, name: "\(name), inverted")
    }

    private func replacing(pixels: [UInt8], labels: [Int32], name: String) -> Dataset {
        var result = Dataset(
            name: name, source: source, classNames: classNames, imageShape: imageShape, pixels: pixels, labels: labels,
            indices: labels.indices.map(Int32.init))
        result.normalization = normalization
        result.augmentations = augmentations
        return result
    }

    /// Shows some images as they are and, below each, how they may be seen in five epochs.
    public func showAugmented(count: Int = 8, seed: Int = 1) { display(augmentedPicture(count: count, seed: seed)) }

    /// What `showAugmented` shows.
    public func augmentedPicture(count: Int = 8, seed: Int = 1) -> ImageGrid {
        let places = Array(0..<min(count, self.count))
        var items = places.map { ImageGrid.Item(self[$0].image) }
        for epoch in 0..<5 {
            items += augmentedImages(at: places, seed: seed, epoch: epoch).map { ImageGrid.Item($0) }
        }
        return ImageGrid(items, title: "as it is (first row), and in five epochs", columns: max(1, places.count))
    }

    /// Some images before and after each of the changes given, a row for each change by itself: what does it do?
    ///
    ///     data.training.compare(.rotate(20), .elastic(3), .hue(40))
    ///
    /// Without any, those that the data set has.
    public func compare(_ changes: Augmentation..., count: Int = 8, seed: Int = 1) -> ImageGrid {
        let changes = changes.isEmpty ? augmentations : changes
        check(changes)
        let places = Array(0..<min(count, self.count))
        var items = places.map { ImageGrid.Item(self[$0].image) }
        for change in changes {
            var changed = self
            changed.augmentations = [change]
            items += changed.augmentedImages(at: places, seed: seed, epoch: 0).map { ImageGrid.Item($0) }
        }
        var grid = ImageGrid(
            items, title: "before, and after each change", columns: max(1, places.count), imageSize: 56)
        grid.rowNames = ["as it is"] + changes.map(\.description)
        return grid
    }

    /// The images at `places` as an epoch sees them.
    private func augmentedImages(at places: [Int], seed: Int, epoch: Int) -> [Image] {
        let scalars = augmentedValues(at: places, seed: seed, epoch: epoch)
        let size = imageShape.elementCount
        return places.indices.map { row in
            Image(
                planes: scalars[row * size..<(row + 1) * size].map(UInt8.init(brightness:)), channels: imageShape[0],
                height: imageShape[1], width: imageShape[2])
        }
    }

    /// The images at `places` as an epoch sees them, values from 0 to 1, `[places, channels, height, width]`.
    func augmentedValues(at places: [Int], seed: Int, epoch: Int) -> [Float] {
        let count = places.count * imageShape.elementCount
        return [Float](unsafeUninitializedCapacity: count) { output, filled in
            if let base = output.baseAddress { augment(places, seed: seed, epoch: epoch, into: base) }
            filled = count
        }
    }

    /// Writes them to `output`.
    func augment(_ places: [Int], seed: Int, epoch: Int, into output: UnsafeMutablePointer<Float>) {
        let (channels, height, width) = (imageShape[0], imageShape[1], imageShape[2])
        let size = imageShape.elementCount
        let generator = RandomGenerator(seed: seed).split("augmentation").split(UInt64(epoch))
        let room = Movement.scratchSize(channels: channels, height: height, width: width)
        pixels.withUnsafeBufferPointer { pixels in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: room) { scratch in
                for (row, place) in places.enumerated() {
                    let image = UnsafeMutableBufferPointer(start: output + row * size, count: size)
                    let source = pixels.baseAddress! + Int(indices[place]) * size
                    var generator = generator.split(UInt64(place))
                    let movement = Movement(augmentations, using: &generator)
                    if movement.isMoving {
                        movement.apply(
                            source, to: image.baseAddress!, channels: channels, height: height, width: width,
                            scratch: scratch.baseAddress!)
                    } else {
                        for index in 0..<size { image[index] = Float(source[index]) * (1 / 255) }
                    }
                    for augmentation in augmentations {
                        augmentation.recolor(
                            image, channels: channels, height: height, width: width, using: &generator)
                    }
                }
            }
        }
    }
}
