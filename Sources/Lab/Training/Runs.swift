import Datasets
import Display
import NeuralNetworks
import Pictures
import Tensors

/// Every run that was kept, also those of earlier days.
///
///     runs                                   // a table: settings, losses as sparklines, results, notes
///     runs[3].history
///     let longer = try runs[3].resume(LeNet(), on: data, until: 20)
///     runs.matching("LeNet")
public var runs: Runs { Runs(home: RunFolder.home) }

/// The runs of a folder. Each lies in a folder of its own, named by its number.
public struct Runs: Sendable {
    let home: String
    private let filter: String

    init(home: String, filter: String = "") {
        self.home = home
        self.filter = filter
    }

    /// The run with this number.
    public subscript(number: Int) -> StoredRun {
        get throws {
            let path = "\(home)/\(number)"
            guard fileExists(path + "/run.json") else {
                let numbers = RunFolder.numbers(in: home)
                let known =
                    numbers.isEmpty
                    ? "there are none yet" : "there are \(numbers.map(String.init).joined(separator: ", "))"
                throw TrainingError("runs[\(number)]: there is no such run in \(home); \(known)")
            }
            let folder = RunFolder(path: path, number: number)
            return StoredRun(folder: folder, record: try folder.record())
        }
    }

    /// Those whose model, data or note contains these words.
    public func matching(_ words: String) -> Runs { Runs(home: home, filter: words) }

    /// All of them, the oldest first. Those that cannot be read are left out.
    public var all: [StoredRun] {
        RunFolder.numbers(in: home).compactMap { try? self[$0] }.filter { run in
            filter.isEmpty
                || [run.record.model, run.record.data, run.record.note].contains {
                    $0.lowercased().contains(filter.lowercased())
                }
        }
    }

    /// The newest.
    public var last: StoredRun? { all.last }
}

/// A run on disk: everything of it but the model's class, which lives in the notebook.
public struct StoredRun: Sendable {
    let folder: RunFolder
    var record: RunRecord

    public var number: Int { record.number }
    public var modelName: String { record.model }
    public var dataName: String { record.data }
    /// A copy to change and train with: `var settings = try runs[3].settings`.
    public var settings: Hyperparameters { record.settings }
    public var history: History { record.history }
    /// "complete", "interrupted", "failed", "running", or "broken off" where its process ended first.
    public var status: String { record.status }
    public var note: String { record.note }
    /// Where its files lie.
    public var path: String { folder.path }

    /// Writes a note beside the run.
    public func note(_ text: String) throws {
        var record = try folder.record()
        record.note = text
        try folder.write(record)
    }

    /// Removes the run with all its files.
    public func delete() { removeFolder(folder.path) }

    /// The weights of its last snapshot, by name.
    public func weights() throws -> [(name: String, value: Tensor)] { try folder.state().weights }

    /// The network with the weights of the last snapshot, as a run that can be evaluated and go on.
    ///
    /// - Parameters:
    ///   - model: A network with parameters of the same names and shapes.
    ///   - data: The data that it was trained on.
    /// - Throws: `TrainingError` when the data are others, `ParameterError` when the network is, `FileError` when the
    ///   snapshot is missing or damaged.
    public func load<Model: Module>(_ model: Model, on data: DatasetSplit) throws -> Run<Model> {
        guard data.fingerprint == record.fingerprint else {
            throw TrainingError(
                "runs[\(number)] was trained on other data than this (\(record.data), \(record.classNames.count) classes; this is \(data.training.name)): take the same split with the same seed, normalised in the same way"
            )
        }
        let state = try folder.state()
        model.initialize(input: data.training.imageShape, seed: settings.seed)
        try model.load(state.weights)
        return Run(
            model: model, data: data, settings: settings, state: state, wasInterrupted: record.ending != .complete,
            folder: folder)
    }

    /// Goes on from the last snapshot, to the end that was planned or to the epoch given.
    ///
    /// It reaches the same weights, to the bit, as a run that was never broken off, on the same type of processor.
    public func resume<Model: Module>(
        _ model: Model, on data: DatasetSplit, until epochs: Int? = nil, quietly: Bool = false
    ) throws -> Run<Model> {
        try resume(model, on: data, until: epochs, .current(quietly: quietly))
    }

    func resume<Model: Module>(
        _ model: Model, on data: DatasetSplit, until epochs: Int?, _ host: Host
    ) throws -> Run<Model> {
        if record.processor != processorName, let frontend = host.frontend {
            frontend.display(
                MimeBundle(
                    text:
                        "runs[\(number)] began on another processor (\(record.processor)): it goes on, but not to the same bits."
                ), id: nil)
        }
        return try load(model, on: data).resume(until: epochs, host)
    }
}

extension StoredRun: Displayable {
    public var mimeBundle: MimeBundle {
        let title = "run \(number): \(record.model) on \(record.data), \(record.status)"
        return history.plot(title: title, epochs: status == "running" ? Double(settings.epochs) : history.end)
            .mimeBundle
    }
}

extension Runs: Displayable {
    public var mimeBundle: MimeBundle {
        let all = all
        guard !all.isEmpty else {
            return MimeBundle(text: filter.isEmpty ? "no runs yet" : "no run matches “\(filter)”")
        }
        let rows = all.map { run -> [String] in
            let history = run.history
            let last = history.validations.last
            let epoch = history.validations.last?.epoch ?? history.points.last?.epoch ?? 0
            return [
                "\(run.number)", run.record.model.cut(to: 20), run.record.data.cut(to: 24),
                "\(epoch.significant(3)) of \(run.settings.epochs)", "\(run.settings.batchSize)",
                run.settings.learningRate.base.significant(3), sparkline(history.points.map(\.loss)),
                last?.loss.significant(3) ?? "–",
                last.map { "\(sparkline(history.validations.map(\.accuracy))) \($0.accuracy.percent(1))" } ?? "–",
                Duration.seconds(history.seconds).spoken, run.status, run.note.cut(to: 40),
            ]
        }
        return Table(
            [
                "run", "model", "data", "epochs", "batch", "rate", "training loss", "validation loss", "accuracy",
                "time", "status", "note",
            ], rows: rows, numeric: [0, 4, 5, 7, 8, 9]
        ).mimeBundle
    }
}

extension String {
    /// What fits on a line of the table.
    fileprivate func cut(to length: Int) -> String { count <= length ? self : prefix(length - 1) + "…" }
}

/// A curve in eight letters: `█▅▃▂▂▁▁▁`.
func sparkline(_ values: [Double]) -> String {
    let values = values.filter(\.isFinite)
    guard let low = values.min(), let high = values.max() else { return "" }
    let bars = Array("▁▂▃▄▅▆▇█")
    let width = min(8, values.count)
    return String(
        (0..<width).map { column in
            let start = column * values.count / width
            let end = (column + 1) * values.count / width
            let mean = values[start..<end].reduce(0, +) / Double(end - start)
            return bars[high > low ? Int(((mean - low) / (high - low) * 7).rounded()) : 0]
        })
}
