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
    }

    var number: Int
    var model: String
    var data: String
    /// Tells whether a run goes on with the data it began with.
    var fingerprint: String
    var settings: Hyperparameters
    var parameterCount: Int
    var classNames: [String]
    var normalization: Normalization?
    /// Bits are promised for one type of processor.
    var processor: String
    /// Seconds since 1970.
    var started: Double
    var process: Int32
    var ending = Ending.running
    var note = ""
    var history = History()

    init(_ model: some Module, _ data: DatasetSplit, _ settings: Hyperparameters, number: Int) {
        self.number = number
        self.model = "\(type(of: model))"
        self.data = data.training.name
        fingerprint = data.fingerprint
        self.settings = settings
        parameterCount = model.parameterCount
        classNames = data.training.classNames
        normalization = data.training.normalization
        processor = processorName
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        started = Double(now.tv_sec)
        process = getpid()
    }

    /// How it ended: a run whose process is gone was broken off.
    var status: String {
        switch ending {
        case .complete: "complete"
        case .interrupted: "interrupted"
        case .failed: "failed"
        case .running: kill(process, 0) == 0 || errno == EPERM ? "running" : "broken off"
        }
    }
}

/// The folder of one run: `run.json`, `metrics.csv`, and `snapshot.safetensors` with the last state that was kept.
///
/// Every file is written aside and renamed, so that whatever happens, at any byte, the one before is still there.
struct RunFolder: Sendable {
    let path: String
    let number: Int

    private var recordPath: String { path + "/run.json" }
    private var snapshotPath: String { path + "/snapshot.safetensors" }
    private var metricsPath: String { path + "/metrics.csv" }

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

    func write(_ record: RunRecord) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try writeFile(Array(try encoder.encode(record)), to: recordPath)
        try writeFile(Array(metrics(record.history).utf8), to: metricsPath)
    }

    func record() throws -> RunRecord {
        let bytes = try readFile(recordPath)
        do {
            return try JSONDecoder().decode(RunRecord.self, from: Data(bytes))
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

    // MARK: The snapshot

    /// What a snapshot has besides tensors.
    private struct Progress: Codable {
        var step: Int
        var lossSum: Double
        var lossCount: Int
        var history: History
    }

    func write(_ state: TrainingState) throws {
        let progress = Progress(
            step: state.step, lossSum: state.lossSum, lossCount: state.lossCount, history: state.history)
        let json = String(decoding: try JSONEncoder().encode(progress), as: UTF8.self)
        let tensors =
            state.weights.map { ("weights.\($0.name)", $0.value) }
            + state.moments.map { ("moments.\($0.name)", $0.value) }
        try writeFile(Safetensors(tensors, metadata: ["progress": json]).bytes, to: snapshotPath)
    }

    func state() throws -> TrainingState {
        guard fileExists(snapshotPath) else {
            throw FileError(snapshotPath, "is not there: run \(number) ended before its first snapshot")
        }
        let file = try Safetensors(path: snapshotPath)
        guard let json = file.metadata["progress"],
            let progress = try? JSONDecoder().decode(Progress.self, from: Data(json.utf8))
        else { throw FileError(snapshotPath, "holds tensors, but not the progress of a run") }
        func tensors(_ prefix: String) -> [(name: String, value: Tensor)] {
            file.tensors.filter { $0.name.hasPrefix(prefix) }.map {
                (name: String($0.name.dropFirst(prefix.count)), value: $0.value)
            }
        }
        return TrainingState(
            step: progress.step, weights: tensors("weights."), moments: tensors("moments."), history: progress.history,
            lossSum: progress.lossSum, lossCount: progress.lossCount)
    }

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
    private let failure = Mutex<(epoch: Double, error: any Error)?>(nil)

    init(_ folder: RunFolder) { self.folder = folder }

    /// Throws what the snapshot before met.
    func write(_ state: TrainingState, _ record: RunRecord) throws {
        try check()
        queue.async { [self] in
            do {
                var record = record
                record.history = state.history
                try folder.write(state)
                try folder.write(record)
            } catch {
                failure.withLock { $0 = (state.history.points.last?.epoch ?? 0, error) }
            }
        }
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

/// The name of this machine's processor.
let processorName: String = {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return "unknown" }
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { String($0).trimmed } ?? "unknown"
}()

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first == " " || text.first == "\t" { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
