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
    /// The trained network, with the weights that this run ended with: should another run have trained the same object
    /// since, they are put back first. What you change in it yourself stays changed.
    public var model: Model {
        if Preparation.setOwner(token, of: object) { try? object.load(weights) }
        return object
    }
    private let object: Model
    /// Tells whose weights the object has.
    private let token = UInt64.random(in: 1 ... .max)
    public let data: DatasetSplit
    public let settings: Hyperparameters
    let ending: RunRecord.Ending
    let state: TrainingState
    let folder: RunFolder?
    /// Where it was shown while it went on.
    let place: OutputPlace?

    init(
        model: Model, data: DatasetSplit, settings: Hyperparameters, state: TrainingState,
        ending: RunRecord.Ending, folder: RunFolder?, place: OutputPlace? = nil
    ) {
        self.folder = folder
        self.place = place
        object = model
        self.data = data
        self.settings = settings
        self.state = state
        self.ending = ending
        Preparation.setOwner(token, of: model)
    }

    /// Its number among `runs`; `nil` where it is not kept.
    public var number: Int? { folder?.number }

    /// Whether the user ended it before its last epoch.
    public var wasInterrupted: Bool { ending == .interrupted }

    /// Whether it ended because the validation loss did not fall any more.
    public var ranOutOfPatience: Bool { ending == .outOfPatience }

    /// Losses, accuracies and speeds.
    public var history: History { state.history }

    /// What it ended with: the best weights where the settings ask for them, else their mean where one was kept, else
    /// the last ones. They stay, whatever becomes of the model.
    public var weights: [(name: String, value: Tensor)] { state.answer(settings) }

    /// The epochs that are behind, with a fraction where it was interrupted.
    public var epochs: Double { Double(state.step) / Double(settings.stepsPerEpoch(of: data.training.count)) }

    /// Goes on from where the run ended: to the end that was planned, or to the epoch given.
    ///
    /// A run that was interrupted reaches the same weights, to the bit, that it would have reached unbroken. With another
    /// end the learning rate has another course from here on, because it is planned over the whole.
    public func resume(
        until epochs: Int? = nil, controls: TrainingControls? = nil, quietly: Bool = false
    ) throws -> Run {
        try resume(model, until: epochs, controls: controls, .current(quietly: quietly))
    }

    /// Goes on with another object, or another class with the same parameters: one that was written anew since.
    public func resume<Other: Module>(
        _ model: Other, until epochs: Int? = nil, controls: TrainingControls? = nil, quietly: Bool = false
    ) throws -> Run<Other> {
        model.initialize(input: data.training.imageShape, seed: settings.seed)
        return try resume(model, until: epochs, controls: controls, .current(quietly: quietly))
    }

    func resume(until epochs: Int?, _ host: Host) throws -> Run { try resume(model, until: epochs, host) }

    func resume<Other: Module>(
        _ model: Other, until epochs: Int?, controls: TrainingControls? = nil, _ host: Host
    ) throws -> Run<Other> {
        let planned = settings.epochs
        var settings = settings
        if let epochs { settings.epochs = epochs }
        try settings.check()
        // A run may have been broken off in the validation after its last step: that much is left to do.
        let end = Double(settings.epochs)
        guard end > self.epochs || wasInterrupted && end == self.epochs else {
            let done = "this run has already done \(self.epochs.significant(3)) epoch\(self.epochs == 1 ? "" : "s")"
            let further = max(1, Int(self.epochs.rounded(.up))) * 2
            throw TrainingError(
                Double(planned) > self.epochs
                    ? "resume: \(done); resume() goes on to the \(planned) that were planned"
                    : "resume: \(done); resume(until: \(further)) goes on")
        }
        model.move(to: .default)
        try model.load(state.weights)
        var keeping: (folder: RunFolder, record: RunRecord)?
        if let folder {
            if fileExists(folder.path) {
                keeping = (folder, try folder.record())
            } else if let home = host.home {
                // It was deleted meanwhile. Nothing that is needed to go on is lost, but for its place.
                let new = try RunFolder.create(in: home)
                keeping = (new, RunRecord(model, data, settings, number: new.number, name: ""))
            }
        }
        return try train(
            model, on: data, settings, state: state, keeping: keeping, controls: controls, host)
    }

    /// The network with what its images have to be prepared by: what is used, exported, and tried on other images.
    public var classifier: Classifier<Model> { Classifier(model, Preparation(data.training)) }

    /// Tries the network on images, prepared as the training images were.
    ///
    /// Where the user interrupts, on those that were tried until then.
    public func evaluate(on dataset: Dataset) -> Evaluation { classifier.evaluate(on: dataset) }

    /// What the image shows, in the network's eyes: `run.classify(try Image("seven.png"))`.
    public func classify(_ image: Image) -> Classification { classifier.classify(image) }

    /// Writes the network with its class names and all that its images have to be prepared by, as `Classifier(_:_:)` and
    /// Python's `safetensors` read it.
    public func export(_ path: String) throws { try classifier.write(to: path) }

    /// Whether this run and another differ by more than luck on the same images; on the test part unless others are
    /// given.
    public func compared<Other: Module>(with other: Run<Other>, on dataset: Dataset? = nil) -> McNemarTest {
        let images = dataset ?? (data.test.count > 0 ? data.test : data.validation)
        return evaluate(on: images).compared(with: other.evaluate(on: images))
    }
}

extension Run: Displayable {
    /// The figures alone under the cell that has trained it: its picture is there already.
    public var mimeBundle: MimeBundle {
        place?.isHere == true ? Table(figures.map(\.0), rows: [figures.map(\.1)]).mimeBundle : picture.mimeBundle
    }

    /// Losses, accuracy and learning rate, and the figures in short.
    public var picture: any Picture { RunPicture(plot: plot, figures: figures) }

    var plot: LinePlot {
        history.plot(
            title: "\(Model.self) on \(data.training.name)", epochs: epochs, rate: settings.learningRate)
    }

    /// Name and figure, pairs.
    private var figures: [(String, String)] {
        var figures: [(String, String)] = []
        let planned =
            switch ending {
            case .complete, .running, .failed: ""
            case .interrupted: " of \(settings.epochs), interrupted"
            case .outOfPatience: " of \(settings.epochs)"
            }
        figures.append(("epochs", epochs.fixed(wasInterrupted ? 1 : 0) + planned))
        let batch =
            settings.accumulation == 1
            ? min(settings.batchSize, data.training.count).grouped
            : "\(settings.accumulation) × \(settings.batchSize.grouped)"
        figures.append(("batch", "\(batch) of \(data.training.count.grouped) images"))
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
