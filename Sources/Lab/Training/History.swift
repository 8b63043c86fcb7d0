import Display
import NeuralNetworks
import Pictures

/// What was measured while a network learned: the loss on the training part as it went, and at the end of epochs loss
/// and accuracy on the validation part.
public struct History: Sendable, Hashable, Codable {
    /// The mean over the training batches since the point before.
    public struct Point: Sendable, Hashable, Codable {
        /// How many epochs were behind: 2.5 is the middle of the third.
        public var epoch: Double
        public var loss: Double
        public var learningRate: Double
    }

    public struct Validation: Sendable, Hashable, Codable {
        public var epoch: Double
        public var loss: Double
        /// The part of the images that was recognised, 0 to 1.
        public var accuracy: Double
    }

    public internal(set) var points: [Point] = []
    public internal(set) var validations: [Validation] = []
    /// The time that training took, pictures and validation included, in seconds.
    public internal(set) var seconds = 0.0
    /// The training images that were seen, each as often as it was.
    public internal(set) var imagesSeen = 0

    public init() {}

    public var imagesPerSecond: Double { seconds > 0 ? Double(imagesSeen) / seconds : 0 }

    /// The validation with the highest accuracy; of equals the first.
    public var best: Validation? {
        validations.reduce(nil) { best, next in
            guard let best else { return next }
            return next.accuracy > best.accuracy ? next : best
        }
    }

    /// The epoch at which the last figure was taken; 0 where there is none.
    var end: Double { max(points.last?.epoch ?? 0, validations.last?.epoch ?? 0) }

    /// Training and validation loss on the left, accuracy on the right, the learning rate below.
    ///
    /// - Parameters:
    ///   - epochs: Where the axis ends; a picture of a run that still goes on leaves room for what comes.
    ///   - rate: The whole course of the learning rate, from which its axis is made; without it, from what it was so far.
    public func plot(title: String? = nil, epochs: Double, rate: LearningRate? = nil) -> LinePlot {
        let hasAccuracy = !validations.isEmpty
        var plot = LinePlot(
            title: title, x: Axis("epoch", range: 0...(epochs > 0 ? epochs : 1)), left: Axis("loss"),
            right: hasAccuracy ? Axis("accuracy", unit: "%") : nil)
        plot.curves.append(
            Curve("training loss", x: points.map(\.epoch), y: points.map(\.loss), color: .azure))
        if hasAccuracy {
            let measured = validations.map(\.epoch)
            plot.curves.append(
                Curve("validation loss", x: measured, y: validations.map(\.loss), color: .vermilion, hasDots: true))
            plot.curves.append(
                Curve(
                    "validation accuracy", x: measured, y: validations.map { $0.accuracy * 100 }, side: .right,
                    color: .bluishGreen, style: .dashed, hasDots: true))
        }
        plot.lower = LinePlot.Panel(rateAxis(rate), curves: [rateCurve()])
        return plot
    }

    private func rateAxis(_ rate: LearningRate?) -> Axis {
        let title = "learning rate"
        let rates = points.map(\.learningRate).filter { $0 > 0 }
        guard let low = rates.min(), let high = rates.max() else { return rate?.axis(title) ?? Axis(title) }
        guard let rate else { return Axis(title, scale: high > 20 * low ? .logarithmic : .linear) }
        var axis = rate.axis(title)
        // A plateau or a hand may have led the rate away from its course.
        if let range = axis.range {
            axis.range = min(range.lowerBound, max(low, high / 1e5) * 0.8)...max(range.upperBound, high)
        }
        return axis
    }

    /// Points stand at the end of what they are the mean of: the rate held from the point before on.
    private func rateCurve() -> Curve {
        var x: [Double] = []
        var y: [Double] = []
        var start = 0.0
        for point in points {
            x += [start, point.epoch]
            y += [point.learningRate, point.learningRate]
            start = point.epoch
        }
        return Curve("learning rate", x: x, y: y)
    }
}
