import Datasets
import Display
import NeuralNetworks
import Pictures
import Tensors

/// What training gave: the network, what was measured on the way, and all that is needed to go on.
///
///     let run = try train(LeNet(), on: data, settings)
///     run                                    // losses and accuracy, and the figures in short
///     run.model.conv1.weight.show()          // what the first layer's filters have become
///     run.evaluate(on: data.test)
public struct Run<Model: Module> {
    /// The trained network. Training it again changes it; `resume` starts from what this run ended with all the same.
    public let model: Model
    public let data: DatasetSplit
    public let settings: Hyperparameters
    /// Whether the user ended it before its last epoch.
    public let wasInterrupted: Bool
    let state: TrainingState
    let folder: RunFolder?

    init(
        model: Model, data: DatasetSplit, settings: Hyperparameters, state: TrainingState, wasInterrupted: Bool,
        folder: RunFolder?
    ) {
        self.folder = folder
        self.model = model
        self.data = data
        self.settings = settings
        self.state = state
        self.wasInterrupted = wasInterrupted
    }

    /// Its number among `runs`; `nil` where it is not kept.
    public var number: Int? { folder?.number }

    /// Losses, accuracies and speeds.
    public var history: History { state.history }

    /// The epochs that are behind, with a fraction where it was interrupted.
    public var epochs: Double {
        let stepsPerEpoch = (data.training.count + settings.batchSize - 1) / settings.batchSize
        return Double(state.step) / Double(stepsPerEpoch)
    }

    /// Goes on from where the run ended: to the end that was planned, or to the epoch given.
    ///
    /// A run that was interrupted reaches the same weights, to the bit, that it would have reached unbroken. With another
    /// end the learning rate has another course from here on, because it is planned over the whole.
    public func resume(until epochs: Int? = nil, quietly: Bool = false) throws -> Run {
        try resume(until: epochs, .current(quietly: quietly))
    }

    func resume(until epochs: Int?, _ host: Host) throws -> Run {
        let planned = settings.epochs
        var settings = settings
        if let epochs { settings.epochs = epochs }
        try settings.check()
        // A run may have been broken off in the validation after its last step: that much is left to do.
        let end = Double(settings.epochs)
        guard end > self.epochs || wasInterrupted && end == self.epochs else {
            let done = "this run has already done \(self.epochs.significant(3)) epochs"
            let further = max(1, Int(self.epochs.rounded(.up))) * 2
            throw TrainingError(
                Double(planned) > self.epochs
                    ? "resume: \(done); resume() goes on to the \(planned) that were planned"
                    : "resume: \(done); resume(until: \(further)) goes on")
        }
        try model.load(state.weights)
        let keeping = try folder.map { ($0, try $0.record()) }
        return try train(model, on: data, settings, state: state, keeping: keeping, host)
    }

    /// Tries the network on images, normalised as the training images were.
    ///
    /// Where the user interrupts, on those that were tried until then.
    public func evaluate(on dataset: Dataset) -> Evaluation {
        let normalized = dataset.normalized(by: data.training.normalization ?? .none(channels: dataset.imageShape[0]))
        let logits = model.logits(on: normalized, .current(quietly: true))
        let isWhole = logits.shape[0] == dataset.count
        return Evaluation(of: logits, on: isWhole ? normalized : normalized[0..<logits.shape[0]])
    }
}

extension Run: Displayable {
    public var mimeBundle: MimeBundle { picture.mimeBundle }

    /// Losses, accuracy and learning rate, and the figures in short.
    public var picture: any Picture { RunPicture(plot: plot, figures: figures) }

    var plot: LinePlot {
        history.plot(title: "\(Model.self) on \(data.training.name)", epochs: epochs)
    }

    /// Name and figure, pairs.
    private var figures: [(String, String)] {
        var figures: [(String, String)] = []
        let planned = wasInterrupted ? " of \(settings.epochs), interrupted" : ""
        figures.append(("epochs", epochs.fixed(wasInterrupted ? 1 : 0) + planned))
        figures.append(("batch", "\(settings.batchSize) of \(data.training.count.grouped) images"))
        figures.append(
            ("time", "\(Duration.seconds(history.seconds).spoken), \(Int(history.imagesPerSecond).grouped) images/s"))
        figures.append(("parameters", model.parameterCount.grouped))
        if let last = history.points.last { figures.append(("training loss", last.loss.significant(3))) }
        if let last = history.validations.last {
            figures.append(("validation loss", last.loss.significant(3)))
            figures.append(("validation accuracy", last.accuracy.percent(1)))
        }
        if let best = history.best, best.epoch != history.validations.last?.epoch {
            figures.append(("best", "\(best.accuracy.percent(1)) after epoch \(best.epoch.significant(3))"))
        }
        return figures
    }
}

private struct RunPicture: Picture {
    let plot: LinePlot
    let figures: [(String, String)]
    private var rows: Int { (figures.count + 3) / 4 }

    var size: (width: Double, height: Double) { (plot.size.width, plot.size.height + Double(rows) * 44 + 12) }

    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        plot.draw(
            on: canvas,
            in: Rectangle(x: rectangle.x, y: rectangle.y, width: rectangle.width, height: plot.size.height))
        let column = (rectangle.width - 28) / 4
        for (index, (name, figure)) in figures.enumerated() {
            let x = rectangle.x + 14 + Double(index % 4) * column
            let y = rectangle.y + plot.size.height + 20 + Double(index / 4) * 44
            canvas.text(name, x: x, y: y, size: 12, color: .faint)
            canvas.text(
                canvas.fitting(figure, width: column - 8, size: 14, bold: true), x: x, y: y + 19, size: 14, bold: true)
        }
    }

    var text: String {
        plot.text + "\n" + figures.map { "\($0.0): \($0.1)" }.joined(separator: " · ")
    }
}
