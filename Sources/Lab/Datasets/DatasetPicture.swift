import Display
import Pictures

extension Dataset: Displayable {
    public var mimeBundle: MimeBundle { picture.mimeBundle }

    /// Samples, a bar per class, sizes, pixel range and source.
    public var picture: any Picture { DatasetPicture(dataset: self) }

    /// A bar for each class, with the number of its images.
    public var classHistogram: BarChart {
        BarChart(title: "images per class", names: classNames, values: classCounts)
    }

    /// What all images have in common: each pixel is the mean of that pixel.
    public var meanImage: Image {
        Image(
            planes: meanValues.map { UInt8($0.rounded()) }, channels: imageShape[0], height: imageShape[1],
            width: imageShape[2])
    }

    /// The mean image of each class, side by side.
    public var meanImages: ImageGrid {
        ImageGrid(
            classNames.indices.map { label in
                let images = only(label: label)
                return .init(images.meanImage, label: classNames[label], note: "\(images.count.grouped) images")
            }, title: "\(name): the mean of each class")
    }

    /// The darkest and the brightest byte.
    public var pixelRange: ClosedRange<UInt8> {
        let size = imageShape.elementCount
        var low = UInt8.max
        var high = UInt8.min
        pixels.withUnsafeBufferPointer { pixels in
            for index in indices {
                for pixel in UnsafeBufferPointer(rebasing: pixels[Int(index) * size..<(Int(index) + 1) * size]) {
                    low = min(low, pixel)
                    high = max(high, pixel)
                }
            }
        }
        return low <= high ? low...high : 0...0
    }
}

private struct DatasetPicture: Picture {
    let dataset: Dataset

    /// The places of up to `limit` images, one class after the other in turn: the first of each class, then the second.
    private func inTurn(_ limit: Int) -> [Int] {
        var byClass = [[Int]](repeating: [], count: dataset.classNames.count)
        for (place, index) in dataset.indices.enumerated() {
            let label = Int(dataset.storedLabels[Int(index)])
            if byClass[label].count < limit { byClass[label].append(place) }
        }
        var places: [Int] = []
        var row = 0
        while places.count < limit {
            let next = byClass.compactMap { row < $0.count ? $0[row] : nil }
            if next.isEmpty { break }
            places += next.prefix(limit - places.count)
            row += 1
        }
        return places
    }

    private var samples: ImageGrid {
        ImageGrid(
            inTurn(40).map { place in
                let sample = dataset[place]
                return .init(sample.image, label: sample.className)
            }, columns: 10, imageSize: 44)
    }

    private var figures: String {
        let kind = dataset.imageShape[0] == 1 ? "grey" : "colour"
        let extremes = dataset.pixelRange
        return """
            \(dataset.count.grouped) images, \(dataset.imageShape[1]) × \(dataset.imageShape[2]) pixels, \(kind) · \(dataset.classNames.count) classes · \
            pixels from \(extremes.lowerBound) to \(extremes.upperBound)
            """
    }

    var size: (width: Double, height: Double) { (920, 52 + samples.size.height + 40) }

    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = rectangle.inset(left: 10, top: 10, right: 10, bottom: 8)
        canvas.text(dataset.name, x: area.x, y: area.y + 16, size: 18, bold: true)
        canvas.text(canvas.fitting(figures, width: area.width, size: 13), x: area.x, y: area.y + 38, size: 13)
        for (row, line) in canvas.wrapped(dataset.source, width: area.width, size: 12).prefix(2).enumerated() {
            canvas.text(line, x: area.x, y: area.bottom - 19 + Double(row) * 16, size: 12, color: .faint)
        }
        let grid = samples
        let middle = area.inset(top: 46, bottom: 40)
        grid.draw(
            on: canvas, in: Rectangle(x: area.x - 8, y: middle.y, width: grid.size.width, height: middle.height))
        dataset.classHistogram.draw(on: canvas, in: middle.inset(left: grid.size.width + 16))
    }

    var text: String {
        let counts = zip(dataset.classNames, dataset.classCounts).map { "\($0): \($1.grouped)" }.joined(separator: ", ")
        return "\(dataset.name): \(figures)\n\(counts)\n\(dataset.source)"
    }
}

extension Dataset {
    /// Shows up to 100 images, of all classes or of one. `page` 1 shows the next hundred, and so on.
    public func show(label: Int? = nil, page: Int = 0) {
        let chosen = label.map(only(label:)) ?? self
        let pages = max(1, (chosen.count + 99) / 100)
        guard page >= 0 && page < pages else {
            fatalError("Dataset.show: there is no page \(page) of \(name); there are \(pages), numbered from 0.")
        }
        let range = page * 100..<min(chosen.count, (page + 1) * 100)
        let title = label.map { "\(name), \(classNames[$0])" } ?? name
        let extent =
            range.isEmpty
            ? "no images"
            : "images \(range.lowerBound.grouped) to \((range.upperBound - 1).grouped) of \(chosen.count.grouped)"
        display(
            ImageGrid(
                range.map { place in
                    let sample = chosen[place]
                    return .init(sample.image, label: label == nil ? sample.className : "")
                }, title: "\(title): \(extent)", columns: 10))
    }
}
