import Display
internal import Glibc

/// Whether two networks differ by more than luck, by the images that only one of them recognised.
///
///     run.compared(with: other)
///     → the second is right on 30 images that the first gets wrong, and wrong on 12 that it gets right: …
///
/// McNemar's test (1947) in its mid-p form, which keeps to its 5 % without being timid on few images (Fagerland, Lydersen
/// and Laake, "The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional",
/// 2013).
public struct McNemarTest: Sendable, Hashable {
    /// Images that the first alone recognised, and those that the second alone did.
    public let onlyFirst: Int, onlySecond: Int
    /// Those that both did, or neither.
    public let both: Int, neither: Int

    public init(onlyFirst: Int, onlySecond: Int, both: Int, neither: Int) {
        self.onlyFirst = onlyFirst
        self.onlySecond = onlySecond
        self.both = both
        self.neither = neither
    }

    public var count: Int { onlyFirst + onlySecond + both + neither }

    /// How likely it is that networks which are equally good differ as much as this, in either direction; the exact
    /// (conditional) form: P(X ≤ the smaller) · 2 with X from `binomial(onlyFirst + onlySecond, 1/2)`.
    public var exactP: Double { min(1, 2 * tail) }

    /// The same with half of what is as unlikely as what was found: exact p - P(X = the smaller).
    public var midP: Double {
        onlyFirst == onlySecond ? 1 - probability(of: onlyFirst) / 2 : min(1, 2 * tail - probability(of: smaller))
    }

    private var smaller: Int { min(onlyFirst, onlySecond) }
    private var discordant: Int { onlyFirst + onlySecond }
    private var tail: Double { (0...smaller).reduce(0) { $0 + probability(of: $1) } }

    private func probability(of hits: Int) -> Double {
        let n = Double(discordant)
        let k = Double(hits)
        return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))
    }

    /// What it says, in a sentence.
    public var sentence: String {
        guard count > 0 else { return "No images were tried, so there is nothing to compare." }
        guard discordant > 0 else {
            return
                "Both are right and wrong on the same images, all \(count.grouped): there is no difference to explain."
        }
        let difference = abs(onlySecond - onlyFirst)
        let share = (Double(difference) / Double(count)).percent(2)
        let found =
            "Of \(count.grouped) images the first alone is right on \(onlyFirst.grouped), the second alone on \(onlySecond.grouped)"
        let p = midP
        let odds = p < 0.001 ? "p < 0.001" : "p = \(p.significant(2))"
        if p < 0.05 {
            let better = onlySecond > onlyFirst ? "second" : "first"
            return "\(found): the \(better) is better by \(share), and that is more than luck (McNemar, mid-\(odds))."
        }
        return "\(found): a difference of \(share), which may be luck (McNemar, mid-\(odds), not below 0.05)."
    }
}

extension McNemarTest: Displayable, CustomStringConvertible {
    public var description: String { sentence }
    public var mimeBundle: MimeBundle { MimeBundle(sentence: sentence) }
}

extension Evaluation {
    /// Whether another network did better or worse on the same images by more than luck.
    public func compared(with other: Evaluation) -> McNemarTest {
        guard labels == other.labels, dataset.positions == other.dataset.positions else {
            fatalError(
                "compared: these are results on different images (\(count.grouped) of \(dataset.name), \(other.count.grouped) of \(other.dataset.name)); evaluate both on the same."
            )
        }
        var counts = [[0, 0], [0, 0]]
        for index in labels.indices {
            let first = predictions[index] == labels[index]
            let second = other.predictions[index] == labels[index]
            counts[first ? 1 : 0][second ? 1 : 0] += 1
        }
        return McNemarTest(
            onlyFirst: counts[1][0], onlySecond: counts[0][1], both: counts[1][1], neither: counts[0][0])
    }
}
