import Display
import Pictures
import Tensors

/// A data set in three parts: one to learn from, one to watch the learning with, one for the final test.
///
///     let data = digits.split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
///     data.training.count                        // → 3000
public struct DatasetSplit: Sendable {
    public var training: Dataset
    public var validation: Dataset
    public var test: Dataset

    public init(training: Dataset, validation: Dataset, test: Dataset) {
        self.training = training
        self.validation = validation
        self.test = test
    }

    /// All three parts normalised by the training part: its mean and deviation, or what `kind` says. The other two must
    /// not be looked at for that: they stand for images that do not exist yet.
    public func normalized(_ kind: Normalization.Kind = .meanAndDeviation) -> DatasetSplit {
        let normalization = Normalization(kind, of: training)
        return DatasetSplit(
            training: training.normalized(by: normalization), validation: validation.normalized(by: normalization),
            test: test.normalized(by: normalization))
    }

    /// Looks whether the parts can do what they are for.
    ///
    /// The test part may be any: the seven digits that somebody found in the street are no complete set.
    ///
    /// - Throws: `DatasetError` when there is nothing to learn from or nothing to tell apart, or when the validation part has images, but none of a class
    ///   that the training part has, or the other way round: its accuracy would say nothing of that class.
    public func check() throws {
        guard training.count > 0 else {
            throw DatasetError("\(training.name): the training part has no images; give it a share above 0")
        }
        let taught = training.classCounts
        guard taught.count(where: { $0 > 0 }) > 1 else {
            throw DatasetError(
                "\(training.name): the training part has \(training.count.counted("image")), all of class \(training.classNames[taught.firstIndex { $0 > 0 } ?? 0]); give it images of two classes or more, or there is nothing to tell apart"
            )
        }
        guard validation.count > 0 else { return }
        let watched = validation.classCounts
        guard let label = taught.indices.first(where: { (taught[$0] == 0) != (watched[$0] == 0) }) else { return }
        let (with, without) = watched[label] == 0 ? ("training", "validation") : ("validation", "training")
        throw DatasetError(
            "\(training.name): the \(without) part has no image of class \(training.classNames[label]), the \(with) part \(max(taught[label], watched[label]).grouped); give that class more images, the part a larger share, or leave it out with limited(perClass:)"
        )
    }
}

extension Dataset {
    /// Cuts the data set into three parts, every class in the same proportion in each unless `stratified` is false.
    ///
    /// - Parameters:
    ///   - training: The part (0 to 1) to learn from.
    ///   - validation: The part to look at while learning.
    ///   - test: The part to keep for the end. What the three leave over is in none of them.
    ///   - seed: The same seed gives the same parts, on every machine.
    public func split(
        training: Double, validation: Double, test: Double = 0, seed: Int, stratified: Bool = true
    ) -> DatasetSplit {
        let parts = [training, validation, test]
        guard parts.allSatisfy({ $0 >= 0 && $0 <= 1 }), parts.reduce(0, +) <= 1 + 1e-9 else {
            fatalError(
                "Dataset.split: the parts \(training), \(validation) and \(test) must each be 0 to 1 and together at most 1."
            )
        }
        guard training > 0 else {
            fatalError("Dataset.split: the training part is 0, so there would be nothing to learn from; give it more.")
        }
        var places: [[Int]] = [[], [], []]
        let generator = RandomGenerator(seed: seed).split("split")
        var byClass = [[Int]](repeating: [], count: classNames.count)
        for (place, label) in labels.enumerated() { byClass[stratified ? label : 0].append(place) }
        for (label, members) in byClass.enumerated() {
            var generator = generator.split(UInt64(label))
            let shuffled = generator.shuffled(members)
            // The ends of the parts are rounded, not their sizes: nothing is lost or used twice.
            var start = 0
            var reached = 0.0
            for part in 0..<3 {
                reached += parts[part]
                let end = min(shuffled.count, Int((reached * Double(shuffled.count)).rounded()))
                places[part] += shuffled[start..<max(start, end)]
                start = max(start, end)
            }
        }
        // Mixed, so that the first hundred of a part are a fair sample of it.
        let datasets = places.enumerated().map { part, places in
            var generator = generator.split("part").split(UInt64(part))
            return selecting(generator.shuffled(places))
        }
        return DatasetSplit(training: datasets[0], validation: datasets[1], test: datasets[2])
    }
}

extension DatasetSplit: Displayable {
    public var mimeBundle: MimeBundle {
        let parts = [("training", training), ("validation", validation), ("test", test)]
        let total = max(1, parts.reduce(0) { $0 + $1.1.count })
        let shares = parts.map { (Double($0.1.count) / Double(total)).percent(0) }
        let counts = parts.map(\.1.classCounts)
        var table: Table
        if training.classNames.reduce(0, { $0 + max(4, $1.count) + 2 }) <= 60 {
            table = Table(
                ["part", "images", "share"] + training.classNames,
                rows: parts.indices.map { index in
                    [parts[index].0, parts[index].1.count.grouped, shares[index]] + counts[index].map(\.grouped)
                }, numeric: Set(1..<3 + training.classNames.count), title: training.name)
        } else {
            // Names that fill a line go down the page, up to a hundred of them.
            let shown = training.classNames.prefix(100)
            let left = training.classNames.count - shown.count
            table = Table(
                ["class"] + parts.map(\.0),
                rows: shown.enumerated().map { label, name in [name] + counts.map { $0[label].grouped } }
                    + (left > 0 ? [["and \(left.grouped) more classes", "", "", ""]] : []),
                numeric: [1, 2, 3], footer: ["images"] + zip(parts, shares).map { "\($0.1.count.grouped) (\($1))" },
                title: training.name)
        }
        let note = training.normalization.map { "normalised by the training part: \($0)" }
        guard let note else { return table.mimeBundle }
        return table.mimeBundle.adding(note: note)
    }
}

extension MimeBundle {
    /// The bundle with a line below its text and its HTML.
    fileprivate func adding(note: String) -> MimeBundle {
        var html = ""
        if case .text(let own)? = contents["text/html"] { html = own }
        return MimeBundle(text: text + "\n" + note, html: html + "<div>\(note.escapedForHTML)</div>")
    }
}
