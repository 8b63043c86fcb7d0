import Display
import Pictures

/// Runs side by side, in one picture: what a choice changes.
///
///     try compare("learning rate", [0.1, 0.01, 0.001]) { rate in
///         settings.learningRate = .fixed(rate)
///         return try train(LeNet(), on: data, settings)
///     }
///     Comparison(["few images": small, "all of them": large])
public struct Comparison: Sendable {
    /// One of the runs, or what became of it where it failed.
    struct Trial: Sendable {
        var name: String
        var history: History
        /// How many images its accuracies are of; `nil` where that is not known.
        var validationCount: Int?
        var failure: String?
        /// Of the last validation; `nil` where it failed, or was never validated.
        var accuracy: Double? { failure == nil ? history.validations.last?.accuracy : nil }
    }

    /// The trial with the highest accuracy; of equals the first.
    var bestIndex: Int? {
        trials.indices.filter { trials[$0].accuracy != nil }.reduce(nil) { best, next in
            guard let best else { return next }
            return trials[next].accuracy! > trials[best].accuracy! ? next : best
        }
    }

    public var title: String?
    private(set) var trials: [Trial]

    init(title: String?, trials: [Trial] = []) {
        self.title = title
        self.trials = trials
    }

    /// Runs by name, in the order in which they are written down: of one network or of several.
    public init(_ runs: KeyValuePairs<String, any TrainedRun>, title: String? = nil) {
        self.title = title
        trials = runs.map { name, run in
            Trial(name: name, history: run.history, validationCount: run.validationCount)
        }
    }

    mutating func add(_ name: String, _ run: some TrainedRun) {
        trials.append(Trial(name: name, history: run.history, validationCount: run.validationCount))
    }

    mutating func add(_ name: String, failedWith error: TrainingError) {
        trials.append(Trial(name: name, history: error.history ?? History(), failure: error.description.withoutPlace))
    }
}

extension String {
    /// What comes behind the name of the function that complains: `train: …`.
    fileprivate var withoutPlace: String { split(separator: ": ", maxSplits: 1).last.map(String.init) ?? self }
}

/// What a comparison takes: a run of this session, or one from `runs`.
public protocol TrainedRun {
    var history: History { get }
    /// How many images the validation part has; `nil` where that is not known.
    var validationCount: Int? { get }
}

extension Run: TrainedRun {
    public var validationCount: Int? { data.validation.count }
}

extension StoredRun: TrainedRun {
    public var validationCount: Int? { record.validationCount }
}

extension Comparison: Displayable {
    public var mimeBundle: MimeBundle { picture.mimeBundle }

    /// Losses and accuracies, one colour for each run, and the figures that they end with.
    public var picture: any Picture { ComparisonPicture(comparison: self) }

    /// The figures that the runs end with.
    public var table: Table {
        Table(
            ["", "training loss", "validation loss", "accuracy", "95 % interval", "time", "images/s"],
            rows: trials.enumerated().map { index, trial in
                let last = trial.history.validations.last
                let interval = last.flatMap { last in
                    trial.validationCount.map { wilsonInterval(Int((last.accuracy * Double($0)).rounded()), of: $0) }
                }
                return [
                    trial.name + (trials.count > 2 && index == bestIndex ? " ★" : ""),
                    trial.history.smoothed.last?.loss.significant(3) ?? "–",
                    trial.failure == nil ? last?.loss.significant(3) ?? "–" : "failed",
                    trial.failure == nil ? last?.accuracy.percent(1) ?? "–" : "–",
                    trial.failure == nil
                        ? interval.map { "\(($0.lowerBound * 100).fixed(1)) to \($0.upperBound.percent(1))" } ?? "–"
                        : "–",
                    Duration.seconds(trial.history.seconds).spoken,
                    Int(trial.history.imagesPerSecond).grouped,
                ]
            }, numeric: [1, 2, 3, 4, 5, 6], title: title)
    }

    /// Validation losses with dots, training losses thin and dashed; accuracies below.
    var plot: LinePlot {
        // Where trials differ in their epochs, what they have in common is the work: the images seen.
        let epochs = Set(trials.filter { $0.failure == nil }.map(\.history.end))
        let countsImages = epochs.count > 1
        func x(_ epoch: Double, _ history: History) -> Double {
            guard countsImages, history.end > 0 else { return epoch }
            return epoch / history.end * Double(history.imagesSeen)
        }
        var losses: [Curve] = []
        var accuracies: [Curve] = []
        for (index, trial) in trials.enumerated() {
            let history = trial.history
            let color = Color.palette(at: index)
            // Of many, all training losses would be a thicket: that of the best stands for them.
            if trials.count <= Color.palette.count || index == bestIndex {
                let training = history.smoothed
                losses.append(
                    Curve(
                        "", x: training.map { x($0.epoch, history) }, y: training.map(\.loss), color: color,
                        style: .dashed, lineWidth: 1.3))
            }
            let measured = history.validations.map { x($0.epoch, history) }
            let width = index == bestIndex && trials.count > 2 ? 3.2 : 1.8
            func curve(_ values: [Double]) -> Curve {
                Curve(
                    "", x: measured, y: values, color: color, style: Curve.Style(at: index), lineWidth: width,
                    hasDots: true)
            }
            losses.append(curve(history.validations.map(\.loss)))
            accuracies.append(curve(history.validations.map { $0.accuracy * 100 }))
        }
        return LinePlot(
            x: Axis(countsImages ? "images seen" : "epoch"), left: lossAxis(losses.flatMap(\.y)), curves: losses,
            lower: LinePlot.Panel(accuracyAxis, curves: accuracies, height: 90),
            width: 720, height: 320)
    }

    /// From where the lowest run ends, and some room: what they began with would press their ends together.
    private var accuracyAxis: Axis {
        let axis = Axis("validation accuracy", unit: "%")
        let ends = trials.compactMap(\.accuracy).map { $0 * 100 }
        let all = trials.flatMap { $0.history.validations.map { $0.accuracy * 100 } }
        guard let low = ends.min(), let high = all.max(), let start = all.min(), high > start else { return axis }
        let room = max(1, (high - low) / 2)
        guard start < low - room else { return axis }
        let step = high - low + room > 20 ? 10.0 : high - low + room > 5 ? 5 : 1
        return Axis(
            axis.title, unit: axis.unit,
            range: max(
                0, ((low - room) / step).rounded(.down) * step)...min(100, (high / step + 1e-9).rounded(.up) * step))
    }

    private func lossAxis(_ losses: [Double]) -> Axis {
        let usable = losses.filter { $0.isFinite && $0 > 0 }
        let low = usable.min() ?? 0.1
        let high = usable.max() ?? 1
        let title = "loss: validation ●, training dashed"
        guard high > 20 * low else { return Axis(title) }
        // A loss that ran away leaves by the top, and does not press all the others together.
        let start = trials.compactMap { $0.history.points.first?.loss }.filter(\.isFinite).min() ?? high
        return Axis(title, scale: .logarithmic, range: low * 0.8...min(high * 1.25, max(4 * start, 10 * low)))
    }
}

extension History {
    /// The training loss in up to 24 steps: the mean of what was measured between them. The single points of several
    /// runs would hide each other in their noise.
    fileprivate var smoothed: [(epoch: Double, loss: Double)] {
        let count = min(points.count, 24)
        return (0..<count).map { step in
            let part = points[step * points.count / count..<(step + 1) * points.count / count]
            return (part.last!.epoch, part.reduce(0) { $0 + $1.loss } / Double(part.count))
        }
    }
}

/// The plot over the table, which is also its legend.
private struct ComparisonPicture: Picture {
    let comparison: Comparison
    private let plot: LinePlot
    private let table: Table
    private let rowHeight = 24.0
    private let failureLines: [Int: String]
    private let failureHeight = 17.0

    init(comparison: Comparison) {
        self.comparison = comparison
        plot = comparison.plot
        table = comparison.table
        failureLines = Dictionary(
            uniqueKeysWithValues: comparison.trials.enumerated().compactMap { index, trial in
                trial.failure.map { (index, $0) }
            })
    }

    private var titleHeight: Double { comparison.title == nil ? 0 : 30 }

    var size: (width: Double, height: Double) {
        (
            plot.size.width,
            titleHeight + Double(table.rows.count + 1) * rowHeight + 20 + plot.size.height
                // Two lines each.
                + Double(failureLines.count) * 2 * failureHeight
        )
    }

    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        if let title = comparison.title {
            canvas.text(title, x: rectangle.x + 14, y: rectangle.y + 25, size: 16, bold: true)
        }
        let bottom = drawTable(
            on: canvas, x: rectangle.x + 14, y: rectangle.y + titleHeight + 20, width: rectangle.width - 28)
        plot.draw(
            on: canvas,
            in: Rectangle(x: rectangle.x, y: bottom, width: rectangle.width, height: plot.size.height))
    }

    /// Returns where it ends.
    private func drawTable(on canvas: Canvas, x: Double, y: Double, width: Double) -> Double {
        let cells = [table.headers] + table.rows
        let widths = table.headers.indices.map { column in
            cells.map { canvas.width(of: $0[column], size: 13, bold: column == 0) }.max() ?? 0
        }
        // The names have what the figures leave.
        let gap = 18.0
        var edges: [Double] = []
        var edge = x + width
        for column in table.headers.indices.reversed() {
            edges.insert(edge, at: 0)
            edge -= widths[column] + gap
        }
        let nameStart = x + 28
        let nameWidth = edges[1] - widths[1] - gap - nameStart
        func draw(_ row: [String], y: Double, _ color: Color, bold: Bool) {
            canvas.text(
                canvas.fitting(row[0], width: nameWidth, size: 13, bold: bold), x: nameStart, y: y, size: 13,
                bold: bold, color: color)
            for column in 1..<row.count {
                canvas.text(row[column], x: edges[column], y: y, size: 13, color: color, align: .right)
            }
        }
        draw(table.headers, y: y, .faint, bold: false)
        canvas.line(fromX: x, y: y + 8, toX: x + width, y: y + 8, .axis)
        var base = y
        for (index, row) in table.rows.enumerated() {
            base += rowHeight
            let color = Color.palette(at: index)
            if comparison.trials.count > 2, index == comparison.bestIndex {
                canvas.fill(
                    Rectangle(x: x - 4, y: base - 17, width: width + 8, height: rowHeight), color.opacity(0.14),
                    cornerRadius: 3)
            }
            canvas.line(
                fromX: x, y: base - 4, toX: x + 20, y: base - 4, color, lineWidth: 2,
                dashes: Curve.Style(at: index).dashes)
            canvas.circle(x: x + 10, y: base - 4, radius: 3.2, color)
            draw(row, y: base, failureLines[index] == nil ? .text : .vermilion, bold: true)
            if let failure = failureLines[index] {
                let lines = canvas.wrapped(failure, width: width - 28, size: 11.5)
                for (row, line) in lines.prefix(2).enumerated() {
                    canvas.text(
                        line, x: nameStart, y: base + Double(row + 1) * failureHeight, size: 11.5, color: .vermilion)
                }
                base += 2 * failureHeight
            }
        }
        return base + 16
    }

    var text: String {
        ([table.text] + failureLines.sorted { $0.key < $1.key }.map { "\(comparison.trials[$0.key].name): \($0.value)" })
            .joined(separator: "\n")
    }
}
