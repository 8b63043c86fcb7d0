import Datasets
import Display
internal import Glibc
import NeuralNetworks
import Pictures
import Tensors

/// Every run that was kept, also those of earlier days.
///
///     runs                                   // a table: settings, losses as sparklines, results, notes
///     runs[3].history
///     let longer = try runs[3].resume(LeNet(), on: data, until: 20)
///     runs["small"].note("too few images")
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
                    ? "there are none yet" : "there are \(numbers.map(String.init).lastOnes)"
                throw TrainingError("runs[\(number)]: there is no such run in \(home); \(known)")
            }
            let folder = RunFolder(path: path, number: number)
            return StoredRun(folder: folder, record: try folder.record())
        }
    }

    /// The newest run of this name.
    public subscript(name: String) -> StoredRun {
        get throws {
            let all = all
            guard let run = all.last(where: { $0.record.name == name }) else {
                let names = all.compactMap(\.record.name)
                throw TrainingError(
                    "runs[\"\(name)\"]: there is no run of this name; \(names.isEmpty ? "none has a name yet: train(…, name: \"\(name)\") gives one" : "there are \(names.lastOnes)")"
                )
            }
            return run
        }
    }

    /// Those whose name, model, data, status or note contains these words.
    public func matching(_ words: String) -> Runs { Runs(home: home, filter: words) }

    /// All of them, the oldest first. Those that cannot be read are left out.
    public var all: [StoredRun] {
        RunFolder.numbers(in: home).compactMap { try? self[$0] }.filter { run in
            filter.isEmpty
                || [run.name, run.record.model, run.record.data, run.record.note, run.status].contains {
                    $0.lowercased().contains(filter.lowercased())
                }
        }
    }

    /// Some of them in one picture, with the figures that they end with: `try runs.compared(2, 5, 7)`.
    public func compared(_ numbers: Int...) throws -> Comparison {
        var comparison = Comparison(title: nil)
        for number in numbers {
            let run = try self[number]
            comparison.add(run.name.isEmpty ? "run \(number)" : "\(number) \(run.name)", run)
        }
        return comparison
    }

    /// The newest.
    public var last: StoredRun? { all.last }
}

/// A run on disk: everything of it but the model's class, which lives in the notebook.
public struct StoredRun: Sendable {
    let folder: RunFolder
    var record: RunRecord

    public var number: Int { record.number }
    /// Empty where it was given none.
    public var name: String { record.name ?? "" }
    public var modelName: String { record.model }
    public var dataName: String { record.data }
    /// A copy to change and train with: `var settings = try runs[3].settings`.
    public var settings: Hyperparameters { record.settings }
    public var history: History { record.history }
    /// "complete", "interrupted", "stopped early" (out of patience), "failed", "running", or "broken off" where its
    /// process ended first.
    public var status: String { record.status }
    public var note: String { record.note }
    /// What it was trained with; `nil` of a run that an earlier version has kept.
    public var environment: Environment? { record.environment }
    /// Where its files lie.
    public var path: String { folder.path }
    /// What happened when.
    public var log: String { folder.logText }
    /// The epochs at which a snapshot is there.
    public var snapshots: [Double] { folder.snapshots.map { Double($0) / Double(record.stepsPerEpoch) } }

    /// Writes a note beside the run.
    public func note(_ text: String) throws { try change { $0.note = text } }

    /// Gives the run another name; an empty one takes it away.
    public func rename(_ name: String) throws { try change { $0.name = name.isEmpty ? nil : name } }

    private func change(_ change: (inout RunRecord) -> Void) throws {
        var record = try folder.record()
        change(&record)
        try folder.write(record)
    }

    /// Removes the run with all its files.
    ///
    /// - Throws: `TrainingError` while it is being trained, here or in another notebook.
    public func delete() throws {
        if let now = try? folder.record(), now.status == "running" {
            let place = now.process == getpid() ? "here" : "by process \(now.process)"
            throw TrainingError(
                "runs[\(number)] is still being trained, \(place); interrupt it first, or remove \(folder.path) by hand"
            )
        }
        removeFolder(folder.path)
    }

    /// Trains anew with this run's settings, some of them changed:
    /// `try runs[3].clone(LeNet(), on: data) { $0.epochs = 20 }`.
    public func clone<Model: Module>(
        _ model: Model, on data: DatasetSplit, name: String = "", controls: TrainingControls? = nil,
        quietly: Bool = false, changing change: (inout Hyperparameters) -> Void = { _ in }
    ) throws -> Run<Model> {
        var settings = settings
        change(&settings)
        return try train(model, on: data, settings, name: name, controls: controls, quietly: quietly)
    }

    /// The weights that the network is used with, by name: of its last snapshot, or of that of an epoch.
    public func weights(epoch: Double? = nil) throws -> [(name: String, value: Tensor)] {
        try state(epoch).answer(settings)
    }

    private func state(_ epoch: Double?) throws -> TrainingState {
        guard let epoch else { return try folder.state() }
        let all = folder.snapshots
        let steps = Double(record.stepsPerEpoch)
        guard let step = all.first(where: { abs(Double($0) / steps - epoch) < 0.5 / steps }) else {
            let known = snapshots.map { $0.significant(4) }.joined(separator: ", ")
            throw TrainingError(
                "runs[\(number)] has no snapshot of epoch \(epoch.significant(4)); there are those of \(known); settings.snapshotsKept says how many stay"
            )
        }
        return try folder.state(at: step)
    }

    /// The network with the weights of the last snapshot, as a run that can be evaluated and go on.
    ///
    /// - Parameters:
    ///   - model: A network with the same parameters; its class may have been written anew.
    ///   - data: The data that it was trained on, split and normalised in the same way.
    ///   - epoch: Another snapshot than the last, one of `snapshots`.
    /// - Throws: `TrainingError` when the data are others or the network is another, `FileError` when the snapshot is
    ///   damaged.
    public func load<Model: Module>(
        _ model: Model, on data: DatasetSplit, epoch: Double? = nil
    ) throws -> Run<Model> {
        guard data.fingerprint == record.fingerprint else {
            throw TrainingError(
                "runs[\(number)] was trained on other data than this (\(record.data), \(record.classNames.count) classes\(record.normalization.map { ", normalised by \($0)" } ?? "")); give it the same, split with the same seed, normalised and augmented in the same way"
            )
        }
        let state = try state(epoch)
        model.move(to: .default)
        model.initialize(input: data.training.imageShape, seed: settings.seed)
        do {
            try model.load(state.answer(settings))
        } catch {
            throw TrainingError(
                "runs[\(number)] has the weights of another network (\(record.model), \(record.parameterCount.grouped) parameters) than \(Model.self): \(error)"
            )
        }
        Preparation.remember(Preparation(data.training), of: model)
        let isAtEnd = epoch == nil || state.step == folder.snapshots.last
        let ending = isAtEnd && record.ending != .running ? record.ending : .interrupted
        return Run(
            model: model, data: data, settings: settings, state: state,
            ending: ending == .failed ? .interrupted : ending, folder: folder)
    }

    /// Goes on from the last snapshot, or from that of an epoch, to the end that was planned or to the one given.
    ///
    /// It reaches the same weights, to the bit, as a run that was never broken off, on the same type of processor.
    public func resume<Model: Module>(
        _ model: Model, on data: DatasetSplit, until epochs: Int? = nil, epoch: Double? = nil,
        controls: TrainingControls? = nil, quietly: Bool = false
    ) throws -> Run<Model> {
        try resume(model, on: data, until: epochs, epoch: epoch, controls: controls, .current(quietly: quietly))
    }

    func resume<Model: Module>(
        _ model: Model, on data: DatasetSplit, until epochs: Int?, epoch: Double? = nil,
        controls: TrainingControls? = nil, _ host: Host
    ) throws -> Run<Model> {
        if record.status == "running", record.process != getpid() {
            throw TrainingError(
                "runs[\(number)] is still being trained, by process \(record.process); interrupt it there first")
        }
        if record.processor != Environment.processorName, let frontend = host.frontend {
            frontend.display(
                MimeBundle(
                    text:
                        "runs[\(number)] began on another processor (\(record.processor)): it goes on, but not to the same bits."
                ), id: nil)
        }
        let run = try load(model, on: data, epoch: epoch)
        return try run.resume(model, until: epochs, controls: controls, host)
    }
}

extension StoredRun: Displayable {
    public var mimeBundle: MimeBundle {
        let label = name.isEmpty ? "run \(number)" : "run \(number), \(name)"
        return history.plot(
            title: "\(label): \(record.model) on \(record.data), \(status)",
            epochs: status == "running" ? Double(settings.epochs) : history.end, rate: settings.learningRate
        ).mimeBundle
    }
}

extension Runs: Displayable {
    public var mimeBundle: MimeBundle {
        let all = all
        guard !all.isEmpty else {
            return MimeBundle(text: filter.isEmpty ? "no runs yet" : "no run matches “\(filter)”")
        }
        let losses = all.map { Sparkline($0.history.points.map(\.loss)) }
        var columns: [Column] = [
            Column("run", all.map { $0.name.isEmpty ? "\($0.number)" : "\($0.number) \($0.name.cut(to: 24))" }),
            Column("model", all.map { $0.record.model.cut(to: 20) }, maySayItOnce: true),
            Column("data", all.map { $0.record.data.cut(to: 24) }, maySayItOnce: true),
            Column("epochs", all.map(\.progress), isNumeric: true),
            Column("batch", all.map { "\($0.settings.batchSize)" }, isNumeric: true, maySayItOnce: true),
            Column("rate", all.map { $0.settings.learningRate.base.significant(3) }, isNumeric: true),
            Column("training loss", losses.map(\.text), drawings: losses.map(\.html)),
            Column(
                "validation loss", all.map { $0.history.validations.last?.loss.significant(3) ?? "–" }, isNumeric: true),
            Column(
                "accuracy", all.map { $0.history.validations.last?.accuracy.percent(1) ?? "–" }, isNumeric: true),
            Column("time", all.map { Duration.seconds($0.history.seconds).spoken }, isNumeric: true),
            Column("status", all.map(\.status)),
            Column("note", all.map { $0.note.cut(to: 40) }, isWrapping: true),
        ]
        // What is the same in all of them needs no column.
        var common: [String] = []
        for column in columns where all.count > 2 && column.maySayItOnce && Set(column.cells).count == 1 {
            common.append("\(column.name) \(column.cells[0])")
        }
        if !common.isEmpty { columns.removeAll { $0.maySayItOnce && Set($0.cells).count == 1 } }
        var table = Table(
            columns.map(\.name), rows: all.indices.map { row in columns.map { $0.cells[row] } },
            numeric: Set(columns.indices.filter { columns[$0].isNumeric }),
            title: common.isEmpty ? nil : "all with " + common.joined(separator: ", "))
        for (index, column) in columns.enumerated() {
            table.drawings[index] = column.drawings
            if column.isWrapping { table.wrapping.insert(index) }
        }
        return table.mimeBundle
    }

    private struct Column {
        var name: String
        var cells: [String]
        var isNumeric = false
        var isWrapping = false
        /// Above the table, where it is the same for all.
        var maySayItOnce = false
        var drawings: [String]?

        init(
            _ name: String, _ cells: [String], isNumeric: Bool = false, isWrapping: Bool = false,
            maySayItOnce: Bool = false, drawings: [String]? = nil
        ) {
            (self.name, self.cells, self.isNumeric) = (name, cells, isNumeric)
            (self.isWrapping, self.maySayItOnce, self.drawings) = (isWrapping, maySayItOnce, drawings)
        }
    }
}

extension StoredRun {
    /// The epochs that are behind: `10`, or `2.5 of 10` where there were to be more.
    fileprivate var progress: String {
        let end = history.end.significant(3)
        return end == "\(settings.epochs)" ? end : "\(end) of \(settings.epochs)"
    }
}

extension [String] {
    /// In one sentence with others: the last ten, and how many there are besides.
    fileprivate var lastOnes: String {
        (count > 10 ? "\((count - 10).grouped) more and " : "") + suffix(10).joined(separator: ", ")
    }
}

extension String {
    /// What fits on a line of the table.
    fileprivate func cut(to length: Int) -> String { count <= length ? self : prefix(length - 1) + "…" }
}
