import Display
import NeuralNetworks
import Pictures

extension LearningRate: Displayable {
    public var mimeBundle: MimeBundle { picture.mimeBundle }

    /// The rate over the progress of the training.
    public var picture: LinePlot {
        // Four points a percent; a step is drawn as one, because both of its sides have a point.
        let progress = (0...400).map { Double($0) / 4 }
        let rates = progress.map { rate(at: min($0, 99.999)) }
        let positive = rates.filter { $0 > 0 }
        let isWide = (positive.max() ?? 1) > 20 * (positive.min() ?? 1)
        return LinePlot(
            title: "learning rate", x: Axis("progress", unit: "%", range: 0...100),
            left: Axis("rate", scale: isWide ? .logarithmic : .linear),
            curves: [Curve("", x: progress, y: rates, color: .azure)], width: 560, height: 240)
    }
}
