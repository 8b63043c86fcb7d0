import Display
import NeuralNetworks
import Pictures
import Tensors

/// What every layer of a network made of one image, and every function between them (`relu`, `maxPool`): its activations
/// and weights as tiles, with their shape, mean, deviation and a histogram of 20 bins.
///
///     run.classify(try Image("seven.png")).explained()
public struct Explanation {
    /// Numbers of one kind: a layer's activations, its weights.
    public struct Part: Sendable {
        public let name: String
        /// `[channels, height, width]` of activations, `[filters, channels, kernel, kernel]` of weights.
        public let values: Tensor
        public let mean: Double
        /// Over all of its numbers.
        public let deviation: Double
        /// How many of its numbers lie in each of 20 equal parts of the range from the smallest to the largest.
        public let histogram: [Int]
        public let range: ClosedRange<Double>

        init(_ name: String, _ values: Tensor) {
            self.name = name
            self.values = values
            let numbers = values.scalars.map(Double.init)
            let count = Double(max(numbers.count, 1))
            let mean = numbers.reduce(0, +) / count
            self.mean = mean
            deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
            let finite = numbers.filter(\.isFinite)
            let low = finite.min() ?? 0
            let high = finite.max() ?? 0
            range = low...high
            var bins = [Int](repeating: 0, count: 20)
            for number in finite {
                bins[high > low ? min(19, Int((number - low) / (high - low) * 20)) : 0] += 1
            }
            histogram = bins
        }
    }

    public struct Layer: Sendable {
        /// The path of properties, `conv1`; of a function its name, `relu`, and from its second call on `relu 2`.
        public let name: String
        /// What is written in code to make it; of a function its name.
        public let kind: String
        public let activations: Part
        /// Weights and biases.
        public let parameters: [Part]
        public var parameterCount: Int { parameters.reduce(0) { $0 + $1.values.elementCount } }
    }

    public let classification: Classification
    public let layers: [Layer]
    /// Of the whole network.
    public let parameterCount: Int

    init(of classification: Classification) {
        self.classification = classification
        parameterCount = classification.model.parameterCount
        let input = classification.preparation.tensor([classification.image])
        layers = ActivationTrace.of(classification.model, input).map { row in
            let shape = Shape(row.output.shape.dropFirst())
            return Layer(
                name: row.name, kind: row.kind,
                activations: Part("activations", Tensor(row.output.scalars, shape: shape)),
                parameters: row.parameters.map { Part($0.name, $0.value) })
        }
    }

    public subscript(name: String) -> Layer? { layers.first { $0.name == name } }

    /// A line for each kind of numbers.
    public var table: Table {
        var rows: [[String]] = []
        var histograms: [Sparkline] = []
        for layer in layers {
            for (index, part) in ([layer.activations] + layer.parameters).enumerated() {
                histograms.append(Sparkline(part.histogram.map(Double.init), .bars, letters: 20))
                rows.append([
                    index == 0 ? layer.name : "", part.name, part.values.shape.description,
                    part.mean.significant(3), part.deviation.significant(3), part.range.lowerBound.significant(3),
                    part.range.upperBound.significant(3), histograms[rows.count].text,
                ])
            }
        }
        var table = Table(
            ["layer", "", "shape", "mean", "deviation", "smallest", "largest", "histogram"], rows: rows,
            numeric: [3, 4, 5, 6], footer: ["in all", "", "\(parameterCount.grouped) parameters", "", "", "", "", ""])
        table.drawings = [7: histograms.map(\.html)]
        return table
    }
}

extension Explanation: Picture {
    private static let width = 900.0
    private static let textWidth = 216.0
    private static let histogramWidth = 150.0
    private static let tileArea = width - textWidth - histogramWidth - 40

    /// How the tiles of some numbers lie: vectors as one row of pixels in lines, images as tiles.
    private struct Tiles {
        var images: [Image]
        var columns: Int
        var tileWidth: Double
        var tileHeight: Double
        var left: Int

        var height: Double { Double((images.count + columns - 1) / max(columns, 1)) * (tileHeight + 3) }

        init(_ part: Part) {
            let shape = part.values.shape
            let numbers = part.values.scalars
            let greys = GreyScale(aroundNought: part.range.lowerBound, part.range.upperBound)
            func byte(_ value: Float) -> UInt8 { greys.byte(Double(value)) }
            guard shape.rank >= 3, shape[shape.rank - 1] > 1 || shape[shape.rank - 2] > 1 else {
                // A vector or a matrix: 100 values a line, or the matrix's own rows.
                let columns = shape.rank == 2 ? shape[1] : min(100, max(1, numbers.count))
                let rows = min(200, (numbers.count + columns - 1) / max(columns, 1))
                var bytes = numbers.prefix(rows * columns).map(byte)
                bytes += [UInt8](repeating: 255, count: rows * columns - bytes.count)
                images = bytes.isEmpty ? [] : [Image(planes: bytes, channels: 1, height: rows, width: columns)]
                self.columns = 1
                let scale = min(Explanation.tileArea / Double(columns), shape.rank == 2 ? 3 : 8)
                tileWidth = scale * Double(columns)
                tileHeight = min(160, scale * Double(rows))
                left = numbers.count - rows * columns
                return
            }
            let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
            let area = rows * columns
            let count = numbers.count / area
            // Few tiles are drawn larger.
            let least = count <= 12 ? 40.0 : count <= 36 ? 28 : 16
            let side = min(72, max(least, Double(max(rows, columns)) * 2))
            tileWidth = rows > columns ? side * Double(columns) / Double(rows) : side
            tileHeight = rows > columns ? side : side * Double(rows) / Double(columns)
            self.columns = max(1, Int(Explanation.tileArea / (tileWidth + 3)))
            // Four lines of tiles show what there is to see; the numbers beside them are of all.
            let shown = min(count, 4 * self.columns)
            images = (0..<shown).map { index in
                Image(
                    planes: numbers[index * area..<(index + 1) * area].map(byte), channels: 1, height: rows,
                    width: columns)
            }
            left = count - shown
        }
    }

    /// What is drawn in one row.
    private typealias Row = (layer: Layer, part: Part, isFirst: Bool, tiles: Tiles)

    private var parts: [Row] {
        layers.flatMap { layer in
            ([layer.activations] + layer.parameters).enumerated().map { index, part in
                (layer, part, index == 0, Tiles(part))
            }
        }
    }

    private func height(_ part: Row) -> Double {
        max(part.tiles.height + (part.tiles.left > 0 ? 18 : 0), part.isFirst ? 92 : 74) + 14
    }

    public var size: (width: Double, height: Double) {
        // No taller than a canvas may be: what does not fit is left to the table.
        (Self.width, min(9_000, classification.size.height + 40 + parts.reduce(0) { $0 + height($1) }))
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        classification.draw(
            on: canvas,
            in: Rectangle(
                x: rectangle.x, y: rectangle.y, width: classification.size.width, height: classification.size.height))
        let head = "\(parameterCount.grouped) parameters in \(layers.count { !$0.parameters.isEmpty }.counted("layer"))"
        canvas.text(head, x: rectangle.right - 14, y: rectangle.y + 30, size: 13, color: .faint, align: .right)
        var y = rectangle.y + classification.size.height + 10
        for entry in parts {
            let height = height(entry)
            guard y + height < rectangle.bottom else { break }
            if entry.isFirst {
                canvas.line(fromX: rectangle.x + 14, y: y - 6, toX: rectangle.right - 14, y: y - 6, .grid)
            }
            draw(entry, on: canvas, x: rectangle.x + 14, y: y)
            y += height
        }
    }

    private func draw(_ entry: Row, on canvas: Canvas, x: Double, y: Double) {
        let (part, tiles) = (entry.part, entry.tiles)
        var base = y + 14
        if entry.isFirst {
            canvas.text(
                canvas.fitting(entry.layer.name, width: Self.textWidth - 12, size: 14, bold: true), x: x, y: base,
                size: 14, bold: true)
            base += 18
        }
        let isFunction = entry.layer.name.hasPrefix(entry.layer.kind)
        let kind = entry.isFirst && !isFunction ? entry.layer.kind : part.name
        let lines = [
            kind, "\(part.values.shape)" + (entry.isFirst ? "" : " · \(part.values.elementCount.grouped)"),
            "mean \(part.mean.significant(3)) · deviation \(part.deviation.significant(3))",
        ]
        for line in lines {
            canvas.text(
                canvas.fitting(line, width: Self.textWidth - 12, size: 12), x: x, y: base, size: 12, color: .faint)
            base += 17
        }
        let left = x + Self.textWidth
        for (index, image) in tiles.images.enumerated() {
            let frame = Rectangle(
                x: left + Double(index % tiles.columns) * (tiles.tileWidth + 3),
                y: y + Double(index / tiles.columns) * (tiles.tileHeight + 3), width: tiles.tileWidth,
                height: tiles.tileHeight)
            canvas.draw(image, in: frame)
        }
        if tiles.left > 0 {
            canvas.text("and \(tiles.left.grouped) more", x: left, y: y + tiles.height + 12, size: 12, color: .faint)
        }
        drawHistogram(part, on: canvas, x: left + Self.tileArea + 16, y: y)
    }

    private func drawHistogram(_ part: Part, on canvas: Canvas, x: Double, y: Double) {
        let height = 44.0
        let bar = Self.histogramWidth / 20 - 1
        let largest = Double(max(part.histogram.max() ?? 1, 1))
        for (index, count) in part.histogram.enumerated() where count > 0 {
            let tall = max(1, Double(count) / largest * height)
            canvas.fill(
                Rectangle(x: x + Double(index) * (bar + 1), y: y + height - tall, width: bar, height: tall), .azure)
        }
        canvas.line(fromX: x, y: y + height + 1, toX: x + Self.histogramWidth, y: y + height + 1, .faint)
        canvas.text(part.range.lowerBound.significant(3), x: x, y: y + height + 15, size: 11, color: .faint)
        canvas.text(
            part.range.upperBound.significant(3), x: x + Self.histogramWidth, y: y + height + 15, size: 11,
            color: .faint, align: .right)
    }

    public var text: String { classification.text + "\n\n" + table.text }
}
