import Display
import NeuralNetworks
import Pictures
import Synchronization

/// Trains once for each value of one choice, and shows the runs in one picture that grows with each.
///
///     try compare("learning rate", [0.1, 0.01, 0.001]) { rate in
///         settings.learningRate = .fixed(rate)
///         return try train(LeNet(), on: data, settings)
///     }
///
/// The runs themselves show nothing. One whose loss stops being a number is shown as far as it came, and the others are
/// trained all the same. An interrupt ends it and keeps what was learned until then.
///
/// All of them are among `runs` afterwards with their settings and figures. On disk the best one alone keeps its weights, and
/// one that was interrupted; those of the others are in what this returns.
///
/// - Parameters:
///   - choice: What differs, in a word: the picture's title.
///   - training: Trains with one of the values.
/// - Throws: What `training` throws, but for a loss that is no number.
@discardableResult
public func compare<Value, Model: Module>(
    _ choice: String, _ values: [Value], training: (Value) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    try compare(choice, values.map { (spoken($0), $0) }, on: Display.frontend, training: training)
}

/// The same with a name for each value.
///
///     try compare("augmentation", ["none": digits, "rotated": digits.augmented(.rotate(10))]) { digits in … }
@discardableResult
public func compare<Value, Model: Module>(
    _ choice: String, _ values: KeyValuePairs<String, Value>, training: (Value) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    try compare(choice, values.map { ($0, $1) }, on: Display.frontend, training: training)
}

/// The same where the choice is a part of something: one of the settings, one of the data's parts.
///
///     try compare(\.batchSize, of: settings, [16, 64, 256]) { try train(LeNet(), on: data, $0) }
@discardableResult
public func compare<Whole, Value, Model: Module>(
    _ part: WritableKeyPath<Whole, Value>, of whole: Whole, _ values: [Value], training: (Whole) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    try compare(name(of: part), values.map { (spoken($0), $0) }, on: Display.frontend) { value in
        try training(copy(of: whole, part, value))
    }
}

/// The same with a name for each value.
///
///     try compare(\.training, of: data, ["all": digits, "few": digits[0..<100]]) { try train(LeNet(), on: $0, settings) }
@discardableResult
public func compare<Whole, Value, Model: Module>(
    _ part: WritableKeyPath<Whole, Value>, of whole: Whole, _ values: KeyValuePairs<String, Value>,
    training: (Whole) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    try compare(name(of: part), values.map { ($0, $1) }, on: Display.frontend) { value in
        try training(copy(of: whole, part, value))
    }
}

/// A value as one would write it: 0.0001, not 1e-04; and that alone for a rate that stays.
private func spoken(_ value: some Any) -> String {
    if let rate = value as? LearningRate, rate == .fixed(rate.base) { return rate.base.significant(4) }
    return (value as? Double)?.significant(4) ?? "\(value)"
}

/// The last part of a key path in words: `\Hyperparameters.batchSize` is "batch size".
private func name(of part: AnyKeyPath) -> String {
    let last = "\(part)".split(separator: ".").last ?? ""
    return last.reduce(into: "") { $0 += $1.isUppercase ? " " + $1.lowercased() : String($1) }
}

private func copy<Whole, Value>(of whole: Whole, _ part: WritableKeyPath<Whole, Value>, _ value: Value) -> Whole {
    var whole = whole
    whole[keyPath: part] = value
    return whole
}

/// Trains once for each value, named. Names that say all are what the runs are called, too.
func compare<Value, Model: Module>(
    _ choice: String, _ values: [(name: String, value: Value)], namesSayAll: Bool = false, on frontend: any Frontend,
    training: (Value) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    // To its end: a thread that is parked before the cell has the trials takes them along.
    try Interruption.cooperate { () throws(any Error) -> Trials<Value, Model> in
        try compared(choice, values, namesSayAll: namesSayAll, on: frontend, training: training)
    }
}

private func compared<Value, Model: Module>(
    _ choice: String, _ values: [(name: String, value: Value)], namesSayAll: Bool, on frontend: any Frontend,
    training: (Value) throws -> Run<Model>
) throws -> Trials<Value, Model> {
    guard !values.isEmpty else { throw TrainingError("compare: no value of “\(choice)” is given; give two or more") }
    var trials = Trials<Value, Model>(comparison: Comparison(title: choice))
    let start = ContinuousClock.now
    let bar = ProgressBar("\(choice) \(values[0].name)", total: values.count, unit: "runs", on: frontend)
    var picture = LivePicture(on: frontend)
    let folders = TrialFolders()
    for (index, (name, value)) in values.enumerated() {
        bar.update(index, title: "\(choice) \(name)")
        do {
            let run = try Host.$isQuiet.withValue(true) {
                try Host.$trials.withValue(folders) {
                    try Host.$runName.withValue(namesSayAll ? name : "\(choice) \(name)") { try training(value) }
                }
            }
            trials.comparison.add(run.wasInterrupted ? "\(name), interrupted" : name, run)
            trials.runs.append((value, run))
            let kept = [trials.best?.run, run.wasInterrupted ? run : nil].compactMap { $0?.number }
            folders.removeSnapshots(butOf: kept)
        } catch let error as TrainingError where error.history != nil {
            trials.comparison.add(name, failedWith: error)
        } catch {
            bar.finish("\(choice) \(name) stopped")
            throw error
        }
        picture.show({ trials.comparison.picture }, always: true)
        if trials.runs.last?.run.wasInterrupted == true { break }
    }
    let count = trials.comparison.trials.count
    let left = values.count - count
    bar.finish(
        "\(count.counted("run")) in \((ContinuousClock.now - start).spoken)"
            + (trials.runs.last?.run.wasInterrupted == true
                ? "; interrupted: the last is not at its end\(left > 0 ? ", and \(left) more \(left == 1 ? "was" : "were") not begun" : "")"
                : ""))
    if !frontend.updatesInPlace { frontend.display(trials.comparison.mimeBundle, id: nil) }
    return trials
}

/// The folders of the runs that a comparison has made so far, and none that were there before.
final class TrialFolders: Sendable {
    private let folders = Mutex<[RunFolder]>([])

    func add(_ folder: RunFolder) { folders.withLock { $0.append(folder) } }
    func contains(_ folder: RunFolder) -> Bool { folders.withLock { $0.contains { $0.path == folder.path } } }

    func removeSnapshots(butOf kept: [Int]) {
        for folder in folders.withLock(\.self) where !kept.contains(folder.number) { folder.removeSnapshots() }
    }
}

/// Runs that differ in one choice. Their picture is shown while they are trained; what they show afterwards is a verdict.
public struct Trials<Value, Model: Module> {
    /// The runs that came to an end, each with the value that it was made with.
    public internal(set) var runs: [(value: Value, run: Run<Model>)] = []
    /// All of them in one picture, also those that failed.
    public internal(set) var comparison: Comparison
}

extension Trials {
    /// The one with the highest validation accuracy; of equals the first. `nil` where none came to an end.
    public var best: (value: Value, run: Run<Model>)? {
        guard let index = comparison.bestIndex else { return nil }
        // Trials that failed are in the comparison, but not among the runs.
        return runs[comparison.trials[..<index].count { $0.failure == nil }]
    }
}

extension Trials: Displayable {
    public var mimeBundle: MimeBundle { MimeBundle(sentence: comparison.verdict) }
}

extension Comparison {
    /// Which run ends with the highest validation accuracy, and which are too near to be told from it.
    public var verdict: String {
        let ended = trials.compactMap { trial in trial.accuracy.map { (trial: trial, accuracy: $0) } }
        guard let index = bestIndex, let accuracy = trials[index].accuracy else { return "No run came to an end." }
        let best = (trial: trials[index], accuracy: accuracy)
        let head = "Best: \(best.trial.name), with \(best.accuracy.percent(1)) of the validation part."
        guard let count = best.trial.validationCount, ended.count > 1 else { return head }
        let interval = wilsonInterval(Int((best.accuracy * Double(count)).rounded()), of: count)
        let near = ended.filter { $0.trial.name != best.trial.name && interval.contains($0.accuracy) }
        let range = "\((interval.lowerBound * 100).fixed(1)) to \(interval.upperBound.percent(1))"
        return near.isEmpty
            ? "\(head) The others lie outside of its 95 % interval, \(range)."
            : "\(head) Within its 95 % interval, \(range), \(near.count == 1 ? "lies" : "lie") also \(near.map(\.trial.name).joined(separator: ", ")): that may be luck."
    }
}
