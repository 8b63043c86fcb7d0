import Datasets
internal import Dispatch
import Display
internal import FoundationEssentials
internal import Glibc
import NeuralNetworks
import Synchronization
import Tensors

/// What is known of a run besides its weights; the file `run.json` in its folder.
struct RunRecord: Codable, Sendable, Hashable {
    enum Ending: String, Codable, Sendable {
        /// Not at an end yet; or its process ended first.
        case running
        case complete, interrupted, failed
        /// The validation loss did not fall any more.
        case outOfPatience = "stopped early"
    }

    var number: Int
    var name: String?
    var model: String
    var data: String
    /// Tells whether a run goes on with the data it began with.
    var fingerprint: String
    var settings: Hyperparameters
    var parameterCount: Int
    var trainingCount: Int?
    var validationCount: Int?
    var classNames: [String]
    var normalization: Normalization?
    /// Bits are promised for one type of processor.
    var processor: String
    var environment: Environment?
    /// Seconds since 1970.
    var started: Double
    var process: Int32
    var ending = Ending.running
    var note = ""
    /// Made by `compare` or `sweep`, which keep the weights of the best run alone.
    var isTrial: Bool?
    var history = History()

    init(_ model: some Module, _ data: DatasetSplit, _ settings: Hyperparameters, number: Int, name: String) {
        self.number = number
        self.name = name.isEmpty ? nil : name
        self.model = "\(type(of: model))"
        self.data = data.training.name
        fingerprint = data.fingerprint
        self.settings = settings
        parameterCount = model.parameterCount
        trainingCount = data.training.count
        validationCount = data.validation.count
        classNames = data.training.classNames
        normalization = data.training.normalization
        processor = Environment.processorName
        environment = Environment.current(on: model.device)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        started = Double(now.tv_sec)
        process = getpid()
    }

    /// How it ended: a run whose process is gone was broken off.
    var status: String {
        switch ending {
        case .running: kill(process, 0) == 0 || errno == EPERM ? "running" : "broken off"
        case .complete, .interrupted, .failed, .outOfPatience: ending.rawValue
        }
    }

    /// In a line, for the log.
    var summary: String {
        "\(model) with \(parameterCount.grouped) parameters on \(data), \(settings.epochs.counted("epoch")), batch \(settings.batchSize), rate \(settings.learningRate), \(settings.optimizer), seed \(settings.seed); \(environment.map { "\($0)" } ?? processor)"
    }

    /// How many steps an epoch has.
    var stepsPerEpoch: Int { settings.stepsPerEpoch(of: trainingCount ?? settings.batchSize) }
}

/// The folder of one run: `run.json`, `metrics.csv`, `log.txt`, and a file `step-704.safetensors` for each state that
/// was kept.
///
/// Every file but the log, to which lines are added, is written aside and renamed: whatever happens, at any byte, the
/// one before is still there.
struct RunFolder: Sendable {
    let path: String
    let number: Int

    private var recordPath: String { path + "/run.json" }
    private var metricsPath: String { path + "/metrics.csv" }
    private var logPath: String { path + "/log.txt" }

    /// The folder of all runs: `$SWIFT_LAB_RUNS`, or else `runs` beside the data folder.
    static var home: String {
        if let folder = getenv("SWIFT_LAB_RUNS").map({ String(cString: $0) }), !folder.isEmpty { return folder }
        return DataFolder.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/") + "/runs"
    }

    /// A new folder with the next number. Two kernels that ask at once get different ones.
    static func create(in home: String) throws -> RunFolder {
        try makeFolder(home)
        var number = (numbers(in: home).last ?? 0) + 1
        while mkdir("\(home)/\(number)", 0o777) != 0 {
            guard errno == EEXIST else {
                throw FileError("\(home)/\(number)", "this folder cannot be made (\(String(cString: strerror(errno))))")
            }
            number += 1
        }
        return RunFolder(path: "\(home)/\(number)", number: number)
    }

    /// The numbers of all runs, in order.
    static func numbers(in home: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []
        return names.compactMap { Int($0) }.sorted()
    }

    // MARK: The record

    /// Writes the record, and with it the state that is to be kept. All are whole on the disk before the first takes its
    /// place; the folder is waited for once.
    ///
    /// - Returns: the bytes of the snapshot.
    @discardableResult func write(_ record: RunRecord, _ state: TrainingState? = nil) throws -> Int {
        let snapshot = try state.map { try written($0) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let recordFile = try written(Array(try encoder.encode(record)), recordPath)
        try recordFile.reachDisk()
        // The record says the same: should the power fail, the next validation writes it anew.
        let metricsFile = try written(Array(metrics(record.history).utf8), metricsPath)
        try snapshot?.file.takePlace()
        try recordFile.takePlace()
        try metricsFile.takePlace()
        recordFile.recordPlace()
        return snapshot?.bytes ?? 0
    }

    /// Notes that a run has failed, also on a disk that is full: in the old record, in which `"failed" ` takes the place of
    /// `"running"`.
    func noteFailure(of record: RunRecord) {
        if (try? write(record)) != nil { return }
        guard let bytes = try? readFile(recordPath) else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let place = text.firstRange(of: "\"ending\" : \"running\"") else { return }
        let file = open(recordPath, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        let end = text.utf8.distance(from: text.startIndex, to: place.upperBound)
        let failed = Array("\"failed\" ".utf8)
        _ = pwrite(file, failed, failed.count, off_t(end - failed.count))
    }

    private func written(_ bytes: [UInt8], _ path: String) throws -> NewFile {
        let file = try NewFile(path)
        try bytes.withUnsafeBytes { try file.write($0) }
        return file
    }

    func record() throws -> RunRecord {
        let bytes = try readFile(recordPath)
        do {
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            return try decoder.decode(RunRecord.self, from: Data(bytes))
        } catch {
            throw FileError(recordPath, "is damaged or of another version of this program")
        }
    }

    /// What was measured, for spreadsheets: a line for each point and each validation, in order.
    private func metrics(_ history: History) -> String {
        let points = history.points.map { ($0.epoch, "\($0.epoch),\($0.loss),\($0.learningRate),,") }
        let validations = history.validations.map { ($0.epoch, "\($0.epoch),,,\($0.loss),\($0.accuracy)") }
        let lines = (points + validations).sorted { $0.0 < $1.0 }.map(\.1)
        return (["epoch,training_loss,learning_rate,validation_loss,validation_accuracy"] + lines)
            .joined(separator: "\n") + "\n"
    }

    // MARK: The log

    /// Adds a line with the time to the log. A run does not end because its log cannot be written.
    func log(_ line: String) {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &parts)
        let text =
            String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) + "  \(line)\n"
        let file = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard file >= 0 else { return }
        defer { close(file) }
        let bytes = Array(text.utf8)
        _ = Glibc.write(file, bytes, bytes.count)
    }

    var logText: String { (try? readFile(logPath)).map { String(decoding: $0, as: UTF8.self) } ?? "" }

    // MARK: Snapshots

    private func snapshotPath(_ step: Int) -> String { "\(path)/step-\(step).safetensors" }

    /// The steps at which a snapshot is there, in order.
    var snapshots: [Int] {
        folderEntries(path).compactMap { name in
            guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
            return Int(name.dropFirst(5).dropLast(12))
        }.sorted()
    }

    /// A snapshot that is on the disk, but not in its place yet.
    private func written(_ state: TrainingState) throws -> (file: NewFile, bytes: Int) {
        let json = String(decoding: try JSONEncoder().encode(state.progress), as: UTF8.self)
        func named(_ prefix: String, _ values: TrainingState.Values) -> TrainingState.Values {
            values.map { ("\(prefix).\($0.name)", $0.value) }
        }
        let tensors =
            named("weights", state.weights) + named("moments", state.moments) + named("average", state.average)
            + named("best", state.best)
        let file = try NewFile(snapshotPath(state.step))
        var bytes = 0
        try Safetensors(tensors, metadata: ["progress": json]).withChecksum.inPieces { piece in
            try file.write(piece)
            bytes += piece.count
        }
        try file.reachDisk()
        return (file, bytes)
    }

    /// Removes what the settings do not ask to keep, once there is a newer one: all but the last `count` and the one with
    /// the best validation; and those of steps that are still to come, which another end of the run has left.
    func removeOldSnapshots(keeping count: Int, at step: Int, stepsPerEpoch: Int, _ history: History) {
        let all = snapshots
        let reached = all.filter { $0 <= step }
        let accuracies = Dictionary(
            history.validations.map { (Int($0.epoch) * stepsPerEpoch, $0.accuracy) }, uniquingKeysWith: { $1 })
        // Of equals the first, as in `History.best`.
        let best = reached.reduce(nil as Int?) { best, step in
            guard let accuracy = accuracies[step] else { return best }
            guard let best, let before = accuracies[best] else { return step }
            return accuracy > before ? step : best
        }
        let kept = Set(reached.suffix(count) + [best].compactMap(\.self))
        for step in all where !kept.contains(step) { unlink(snapshotPath(step)) }
    }

    /// The state at a step; the last one without.
    ///
    /// - Throws: `FileError` where the file is damaged, with what there is besides.
    func state(at step: Int? = nil) throws -> TrainingState {
        let all = snapshots
        guard let step = step ?? all.last, all.contains(step) else {
            throw TrainingError(
                (try? record())?.isTrial == true
                    ? "runs[\(number)] was a trial of a comparison, in which the best run alone keeps its weights; runs[\(number)].clone trains anew with its settings"
                    : "runs[\(number)] has no snapshot in \(path): it ended before its first one was kept")
        }
        let file: Safetensors
        let progress: TrainingState.Progress
        do {
            file = try Safetensors(path: snapshotPath(step))
            guard file.fitsChecksum else {
                throw FileError(snapshotPath(step), "is damaged: its content does not fit its checksum")
            }
            guard let json = file.metadata["progress"] else {
                throw FileError(snapshotPath(step), "holds tensors, but not the progress of a run")
            }
            do {
                progress = try JSONDecoder().decode(TrainingState.Progress.self, from: Data(json.utf8))
            } catch {
                throw FileError(snapshotPath(step), "says how far the run had come in a form that is not understood")
            }
        } catch let error as FileError {
            guard let record = try? record() else { throw error }
            guard let before = all.last(where: { $0 < step }) else {
                throw FileError(
                    error.path,
                    "\(error.reason); there is no snapshot before it, and runs[\(number)].clone trains anew with its settings"
                )
            }
            let epoch = (Double(before) / Double(record.stepsPerEpoch)).significant(6)
            throw FileError(
                error.path, "\(error.reason); the snapshot before is there: give epoch: \(epoch) to start from it")
        }
        func values(_ prefix: String) -> TrainingState.Values {
            file.tensors.filter { $0.name.hasPrefix(prefix) }.map {
                (name: String($0.name.dropFirst(prefix.count)), value: $0.value)
            }
        }
        return TrainingState(
            progress: progress, weights: values("weights."), moments: values("moments."),
            average: values("average."), best: values("best."))
    }

    func removeSnapshots() { for step in snapshots { unlink(snapshotPath(step)) } }

    /// Files that a process left half-written when it was killed.
    func removeRemains() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where name.hasSuffix(".part") {
            unlink("\(path)/\(name)")
        }
    }
}

/// Writes snapshots on another thread while training goes on, one after the other.
final class SnapshotWriter: Sendable {
    let folder: RunFolder
    private let queue = DispatchQueue(label: "snapshots")
    private let lastStep = Mutex<Int?>(nil)
    private let failure = Mutex<(epoch: Double, error: any Error)?>(nil)

    init(_ folder: RunFolder) { self.folder = folder }

    /// Throws what the snapshot before met.
    func write(_ state: TrainingState, _ record: RunRecord) throws {
        try check()
        queue.async { [self] in
            do {
                let start = ContinuousClock.now
                var record = record
                record.history = state.history
                // A note or a name may have been written meanwhile, by another notebook.
                if let now = try? folder.record() { (record.note, record.name) = (now.note, now.name) }
                // At a run's end its last epoch has been kept already.
                let isKept = lastStep.withLock { step in
                    defer { step = state.step }
                    return step == state.step
                }
                let kept = isKept ? nil : state
                let bytes: Int
                do {
                    bytes = try folder.write(record, kept)
                } catch {
                    // Who has removed the folder, perhaps just now, has not stopped the training: it keeps what it learns.
                    try makeFolder(folder.path)
                    bytes = try folder.write(record, kept)
                }
                if isKept { return }
                folder.removeOldSnapshots(
                    keeping: record.settings.snapshotsKept, at: state.step, stepsPerEpoch: record.stepsPerEpoch,
                    state.history)
                folder.log(line(state, bytes, (ContinuousClock.now - start).seconds, record.stepsPerEpoch))
            } catch {
                failure.withLock { $0 = (state.history.points.last?.epoch ?? 0, error) }
            }
        }
    }

    private func line(_ state: TrainingState, _ bytes: Int, _ seconds: Double, _ stepsPerEpoch: Int) -> String {
        var line = "epoch \((Double(state.step) / Double(stepsPerEpoch)).significant(4))"
        if let point = state.history.points.last { line += ", training loss \(point.loss.significant(4))" }
        if let last = state.history.validations.last {
            line += ", validation loss \(last.loss.significant(4)), accuracy \(last.accuracy.percent(2))"
        }
        return line + "; snapshot of \((bytes >> 10).grouped) KB in \((seconds * 1_000).fixed(0)) ms"
    }

    /// Waits until everything is written.
    func finish() throws {
        queue.sync {}
        try check()
    }

    private func check() throws {
        guard let (epoch, error) = failure.withLock({ $0 }) else { return }
        throw TrainingError(
            "train: the snapshot at epoch \(epoch.significant(3)) could not be written (\(error)); the one before is kept, and runs[\(folder.number)].resume goes on from it. Make room, or set snapshotInterval = 0."
        )
    }
}
