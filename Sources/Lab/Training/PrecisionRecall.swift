import Display
import Pictures

/// How finding all images of a class is traded against taking others for it, over every threshold.
///
///     let curve = result.precisionRecall(of: 8)
///     curve                          // the curve, with average precision and the threshold where F1 is highest
///     curve.at(threshold: 0.9)       // precision and recall where only what is 90 % sure counts
public struct PrecisionRecall: Sendable {
    public struct Point: Sendable, Hashable {
        /// Images at least so probable are taken for the class.
        public var threshold: Double
        public var precision: Double
        public var recall: Double
        /// The harmonic mean of the two.
        public var f1: Double { precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall) }
    }

    public let className: String
    /// For every probability that an image has, from the highest: recall rises along them.
    public let points: [Point]
    /// Images of the class.
    public let count: Int
    /// The sum over the points of precision · (recall - recall before): the area under the steps of the curve, without
    /// interpolation.
    public let averagePrecision: Double

    /// - Parameters:
    ///   - probabilities: of the class, for each image.
    ///   - isOfClass: whether the image is of the class.
    init(_ className: String, probabilities: [Double], isOfClass: [Bool]) {
        self.className = className
        let count = isOfClass.count { $0 }
        self.count = count
        var points: [Point] = []
        var area = 0.0
        var hits = 0
        let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        for (place, index) in order.enumerated() {
            if isOfClass[index] { hits += 1 }
            // Images that are equally probable are taken or left together.
            if place + 1 < order.count, probabilities[order[place + 1]] == probabilities[index] { continue }
            let point = Point(
                threshold: probabilities[index], precision: Double(hits) / Double(place + 1),
                recall: count == 0 ? 0 : Double(hits) / Double(count))
            area += point.precision * (point.recall - (points.last?.recall ?? 0))
            points.append(point)
        }
        self.points = points
        averagePrecision = count == 0 ? .nan : area
    }

    /// Where F1 is highest.
    public var best: Point? { points.max { $0.f1 < $1.f1 } }

    /// Where images count that are at least so probable; without any, precision is 1 by convention.
    public func at(threshold: Double) -> Point {
        guard let point = points.last(where: { $0.threshold >= threshold }) else {
            return Point(threshold: threshold, precision: 1, recall: 0)
        }
        return Point(threshold: threshold, precision: point.precision, recall: point.recall)
    }
}

extension PrecisionRecall: Displayable {
    public var mimeBundle: MimeBundle { picture().mimeBundle }

    /// The curve, with a dot at a threshold (where F1 is highest without one), and under it the threshold that leads to each
    /// recall.
    public func picture(threshold: Double? = nil) -> LinePlot {
        let chosen = threshold.map { at(threshold: $0) } ?? best
        // Where all are found, lower thresholds only take more of the others.
        let end = points.firstIndex { $0.recall == 1 } ?? points.count - 1
        let shown = points.prefix(end + 1)
        let percent = shown.map { (x: $0.recall * 100, y: $0.precision * 100) }
        let lowest = percent.map(\.y).min() ?? 0
        var plot = LinePlot(
            title: title, x: Axis("recall: of this class, found", unit: "%", range: 0...100),
            left: Axis("precision: of those found, right", unit: "%", range: (lowest < 60 ? 0 : 50)...101),
            curves: [
                Curve(
                    "precision and recall at every threshold", x: percent.map(\.x), y: percent.map(\.y), color: .azure)
            ],
            lower: LinePlot.Panel(
                Axis("threshold", range: 0...1),
                curves: [Curve("threshold", x: percent.map(\.x), y: shown.map(\.threshold))]), width: 560, height: 470)
        if let chosen {
            let figures =
                "threshold \((chosen.threshold).fixed(3)): precision \(chosen.precision.percent(1)), recall \(chosen.recall.percent(1))"
            plot.curves.append(
                Curve(
                    figures, x: [chosen.recall * 100], y: [chosen.precision * 100], color: .vermilion, lineWidth: 3.5,
                    hasDots: true))
        }
        return plot
    }

    private var title: String {
        count == 0
            ? "\(className): there are no images of this class"
            : "\(className): average precision \(averagePrecision.percent(1)) (\(count.grouped) images)"
    }
}

extension Evaluation {
    /// Precision and recall of a class over every threshold.
    public func precisionRecall(of label: Int) -> PrecisionRecall {
        guard dataset.classNames.indices.contains(label) else {
            fatalError(
                "Evaluation.precisionRecall: there is no class \(label); \(dataset.name) has \(dataset.classNames.count), counted from 0."
            )
        }
        return PrecisionRecall(
            dataset.classNames[label], probabilities: probabilities.map { Double($0[label]) },
            isOfClass: labels.map { $0 == label })
    }

    /// The mean of the classes' average precisions, of those that have images.
    public var meanAveragePrecision: Double {
        let values = dataset.classNames.indices.map { precisionRecall(of: $0).averagePrecision }.filter { !$0.isNaN }
        return values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
    }

    /// Two classes of which one was taken for the other.
    public struct Confusion: Sendable, Hashable {
        public var label: Int
        public var prediction: Int
        public var count: Int
    }

    /// Which class was taken for which most often.
    public var confusions: [Confusion] {
        let matrix = confusionMatrix
        return matrix.indices.flatMap { label in
            matrix.indices.filter { $0 != label && matrix[label][$0] > 0 }
                .map { Confusion(label: label, prediction: $0, count: matrix[label][$0]) }
        }.sorted { ($1.count, $0.label, $0.prediction) < ($0.count, $1.label, $1.prediction) }
    }

    /// The pairs that are most often confused, as a table.
    public func mostConfused(_ count: Int = 10) -> Table {
        let classCounts = confusionMatrix.map { $0.reduce(0, +) }
        let names = dataset.classNames
        return Table(
            ["is", "was taken for", "images", "of this class"],
            rows: confusions.prefix(max(0, count)).map {
                [
                    names[$0.label], names[$0.prediction], $0.count.grouped,
                    (Double($0.count) / Double(classCounts[$0.label])).percent(1),
                ]
            }, numeric: [2, 3])
    }

    /// The `count` images of each class that it recognised and was surest about: a row for each.
    public func best(_ count: Int = 9) -> ImageGrid {
        guard count > 0 else { fatalError("Evaluation.best: \(count) images cannot be shown; ask for 1 or more.") }
        let blank = Image(
            width: dataset.imageShape[2], height: dataset.imageShape[1],
            pixels: [UInt8](repeating: 255, count: dataset.imageShape[1] * dataset.imageShape[2]))
        let items = dataset.classNames.indices.flatMap { label in
            let found = best(count, of: label).items
            // Rows stay apart where a class has fewer.
            let row = found + (found.count..<max(count, found.count)).map { _ in ImageGrid.Item(blank) }
            return row.enumerated().map { place, item in
                var item = item
                if place == 0 { item.note = dataset.classNames[label] }
                item.mark = nil
                return item
            }
        }
        return ImageGrid(items, title: "surest of each class", columns: count, imageSize: 64)
    }
}
