import Datasets
import Display
internal import Glibc
import Pictures
import Tensors

/// How a trained network did on images that it has not learned from.
///
///     let result = run.evaluate(on: data.test)
///     result                       // accuracy with its interval, confusion matrix, precision and recall per class
///     result.worst(12)             // the images it got most wrong, with what it thought
public struct Evaluation: Sendable {
    public let dataset: Dataset
    /// What each image was taken to be: `[count][classes]`, each row adding up to 1.
    public let probabilities: [[Float]]
    /// The class of each image.
    public let labels: [Int]
    /// The most probable class of each image.
    public let predictions: [Int]
    /// The mean of -log(probability of the true class); NaN of no images.
    public let loss: Double

    /// - Parameter logits: `[count, classes]`, what a network answered for the images of `dataset`, in their order.
    public init(of logits: Tensor, on dataset: Dataset) {
        let classes = dataset.classNames.count
        guard logits.shape == [dataset.count, classes] else {
            fatalError(
                "Evaluation: answers of shape \(logits.shape) for \(dataset.count) images in \(classes) classes; expected [\(dataset.count), \(classes)]."
            )
        }
        self.dataset = dataset
        labels = dataset.labels
        let answers = Probabilities(of: logits, classes: classes, labels: labels)
        probabilities = answers.rows
        predictions = probabilities.map { row in row.indices.max { row[$0] < row[$1] } ?? 0 }
        loss = labels.isEmpty ? .nan : answers.surprises.reduce(0, +) / Double(labels.count)
    }

    public var count: Int { labels.count }

    /// The number of images whose most probable class is the true one.
    public var correctCount: Int { zip(labels, predictions).count { $0 == $1 } }

    /// The part of the images that was recognised, 0 to 1; NaN of no images.
    public var accuracy: Double { count == 0 ? .nan : Double(correctCount) / Double(count) }

    /// The mean of the probabilities that its answers had; NaN of no images. Of a network that knows how sure it may be,
    /// it is the accuracy.
    public var confidence: Double {
        count == 0 ? .nan : probabilities.reduce(0) { $0 + Double($1.max() ?? 0) } / Double(count)
    }

    /// Where the accuracy on all images of this kind lies, in 95 of 100 such tests.
    public var accuracyInterval: ClosedRange<Double> { wilsonInterval(correctCount, of: count) }

    /// The part of the images whose class is among the `best` most probable.
    public func accuracy(amongBest best: Int) -> Double {
        let found = labels.indices.count { index in
            let own = probabilities[index][labels[index]]
            return probabilities[index].count { $0 > own } < best
        }
        return count == 0 ? .nan : Double(found) / Double(count)
    }

    /// How many images of each class (first index) were taken for each class (second).
    public var confusionMatrix: [[Int]] {
        var matrix = [[Int]](
            repeating: [Int](repeating: 0, count: dataset.classNames.count), count: dataset.classNames.count)
        for (label, prediction) in zip(labels, predictions) { matrix[label][prediction] += 1 }
        return matrix
    }

    /// How well one class is told from the others.
    public struct ClassScore: Sendable, Hashable {
        public var name: String
        /// Images of this class.
        public var count: Int
        /// Of what was taken for this class, the part that is; `nil` where nothing was.
        public var precision: Double?
        /// Of this class, the part that was found; `nil` where it has no images.
        public var recall: Double?
        /// The harmonic mean of the two.
        public var f1: Double? {
            guard let precision, let recall else { return nil }
            return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
        }
    }

    public var classScores: [ClassScore] {
        let matrix = confusionMatrix
        return matrix.indices.map { label in
            let hits = matrix[label][label]
            let found = matrix.reduce(0) { $0 + $1[label] }
            let count = matrix[label].reduce(0, +)
            return ClassScore(
                name: dataset.classNames[label], count: count,
                precision: found == 0 ? nil : Double(hits) / Double(found),
                recall: count == 0 ? nil : Double(hits) / Double(count))
        }
    }

    /// The images it got wrong and was surest about, with what it took them for.
    public func worst(_ count: Int = 12) -> ImageGrid {
        guard count >= 0 else { fatalError("Evaluation.worst: \(count) images cannot be shown; ask for 1 or more.") }
        let wrong = labels.indices.filter { predictions[$0] != labels[$0] }
            .sorted { probability($0, of: predictions[$0]) > probability($1, of: predictions[$1]) }
        let items = wrong.prefix(count).map { index in
            let sample = dataset[index]
            return ImageGrid.Item(
                sample.image,
                label: "\(dataset.classNames[predictions[index]]) · \(sureness(index, of: predictions[index]))",
                note: "is \(sample.className)",
                mark: .wrong)
        }
        let title =
            self.count == 0
            ? "nothing to show: no images were tried"
            : wrong.isEmpty
                ? "nothing to show: all \(self.count.grouped) are right"
                : count == 0
                    ? "nothing to show: 0 of \(wrong.count.grouped) mistakes were asked for"
                    : "taken for, and how surely: the worst of \(wrong.count.grouped) mistakes"
        return ImageGrid(items, title: title, columns: 6, imageSize: 84)
    }

    /// The images of a class that it recognised and was surest about.
    public func best(_ count: Int = 9, of label: Int) -> ImageGrid {
        guard count >= 0 else { fatalError("Evaluation.best: \(count) images cannot be shown; ask for 1 or more.") }
        guard dataset.classNames.indices.contains(label) else {
            fatalError(
                "Evaluation.best: there is no class \(label); \(dataset.name) has \(dataset.classNames.count), counted from 0."
            )
        }
        let right = labels.indices.filter { labels[$0] == label && predictions[$0] == label }
            .sorted { probability($0, of: label) > probability($1, of: label) }
        let items = right.prefix(count).map { index in
            ImageGrid.Item(
                dataset[index].image, label: sureness(index, of: label), mark: .right)
        }
        let name = dataset.classNames[label]
        let title =
            !items.isEmpty
            ? "surest of \(name)"
            : right.isEmpty
                ? "nothing to show: no \(name) was recognised"
                : "nothing to show: 0 of \(right.count.grouped) were asked for"
        return ImageGrid(items, title: title, columns: 9, imageSize: 72)
    }

    /// In whole per cent; what rounds to 100 % is not said to be certain.
    private func sureness(_ index: Int, of label: Int) -> String {
        let part = Double(probability(index, of: label))
        return part >= 0.995 ? "> 99 %" : part.percent(0)
    }

    private func probability(_ index: Int, of label: Int) -> Float { probabilities[index][label] }
}

/// Where a proportion lies of which a sample had `hits` of `count`, with 95 % confidence (Wilson's score interval,
/// 1927: honest near 0 and 1 too, where accuracies are).
func wilsonInterval(_ hits: Int, of count: Int) -> ClosedRange<Double> {
    guard count > 0 else { return 0...1 }
    // The normal distribution's 97.5 % point.
    let z = 1.959_963_984_540_054
    let n = Double(count)
    let p = Double(hits) / n
    let center = (p + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, center - half)...min(1, center + half)
}
