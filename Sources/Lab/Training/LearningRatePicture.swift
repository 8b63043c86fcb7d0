import Display
import NeuralNetworks
import Pictures

extension LearningRate: Displayable {
    public var mimeBundle: MimeBundle {
        // What cannot be has no course.
        if let problem { return MimeBundle(sentence: "\(self): \(problem)") }
        return picture.mimeBundle
    }

    /// The rate over the progress of the training.
    public var picture: LinePlot {
        // Four points a percent; a step is drawn as one, because both of its sides have a point.
        let progress = (0...400).map { Double($0) / 4 }
        return LinePlot(
            title: "learning rate \(self)", x: Axis("progress", unit: "%", range: 0...100), left: axis("rate"),
            curves: [Curve("", x: progress, y: progress.map { rate(at: min($0, 99.999)) }, color: .azure)],
            width: 560, height: 240)
    }

    /// An axis for all of its course, so that a picture that grows does not change from one scale to another.
    func axis(_ title: String) -> Axis {
        // A rate that stays stands in the middle, over nought.
        guard spansMagnitudes else {
            return self == .fixed(base) && base > 0 ? Axis(title, range: 0...2 * base) : Axis(title)
        }
        let rates = (0..<1000).map { rate(at: Double($0) / 10) }.filter { $0 > 0 }
        guard let low = rates.min(), let high = rates.max() else { return Axis(title) }
        // A course that ends at nought would stretch a logarithmic axis for ever: five powers of ten are enough.
        return Axis(title, scale: .logarithmic, range: max(low, high / 1e5) * 0.8...high * 1.25)
    }
}
