import Datasets
import Display
internal import Glibc
import NeuralNetworks
import Pictures
import Tensors

/// Looks for a learning rate: trains for at most `steps` batches while the rate grows by the same factor each time, until
/// the loss leaves its lowest value far below.
///
///     let found = try findLearningRate(LeNet(), on: data)
///     found                                          // the loss over the rate, with the suggestion marked
///     settings.learningRate = .oneCycle(found.suggestion)
///
/// As fastai does it (`lr_find`, after Smith, 2015): the loss is smoothed by 0.98; it ends at four times the lowest; the
/// suggestion lies half-way down the longest valley. The network's weights are afterwards what they were.
///
/// - Parameters:
///   - settings: Their optimizer, batch size, seed and label smoothing count; not their learning rate.
///   - range: The first rate, and the last one.
public func findLearningRate<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters = Hyperparameters(),
    range: ClosedRange<Double> = 1e-7...10, steps: Int = 100, quietly: Bool = false
) throws -> LearningRateSearch {
    try Interruption.cooperate { () throws(any Error) -> LearningRateSearch in
        try findLearningRate(model, on: data, settings, range: range, steps: steps, .current(quietly: quietly))
    }
}

func findLearningRate<Model: Module>(
    _ model: Model, on data: DatasetSplit, _ settings: Hyperparameters, range: ClosedRange<Double>, steps: Int,
    _ host: Host
) throws -> LearningRateSearch {
    try settings.check()
    guard data.training.count > 0 else {
        throw TrainingError("findLearningRate: the training part has no images")
    }
    guard range.lowerBound > 0, range.upperBound > range.lowerBound, range.upperBound.isFinite else {
        throw TrainingError("findLearningRate: the rates \(range) do not grow from a number above 0")
    }
    guard (20...100_000).contains(steps) else {
        throw TrainingError("findLearningRate: \(steps) steps; choose 20 to 100,000, or there is no curve to see")
    }
    let before = model.parameters
    model.initialize(input: data.training.imageShape, seed: settings.seed)
    let first = model.parameters
    // A model without weights as yet keeps the first ones.
    defer { try? model.load(before.isEmpty ? first : before) }

    let optimizer = Optimizer(settings.optimizer, learningRate: range.lowerBound)
    var search = LearningRateSearch(name: "\(Model.self) on \(data.training.name)")
    let bar = host.frontend.map { ProgressBar("looking for a learning rate", total: steps, unit: "steps", on: $0) }
    var picture = host.frontend.map(LivePicture.init(on:))
    var epoch = 0
    var batches = data.training.batches(of: settings.batchSize, shuffledBy: settings.seed, epoch: epoch).makeIterator()
    let randomness = RandomGenerator(seed: settings.seed).split("search")
    for step in 0..<steps {
        if host.isInterrupted() { break }
        var next = batches.next()
        if next == nil {
            epoch += 1
            batches = data.training.batches(of: settings.batchSize, shuffledBy: settings.seed, epoch: epoch)
                .makeIterator()
            next = batches.next()
        }
        guard let batch = next else { break }
        let rate =
            range.lowerBound * pow(range.upperBound / range.lowerBound, Double(step) / Double(max(1, steps - 1)))
        optimizer.learningRate = rate
        let (loss, gradients) = valueAndGradient(of: model, randomness: randomness.split(UInt64(step))) {
            settings.loss($0(batch.images), batch.labels)
        }
        guard search.add(rate: rate, loss: Double(loss.item)) else { break }
        optimizer.update(model, along: gradients)
        bar?.update(step + 1)
        picture?.show { search.plot }
    }
    picture?.show({ search.plot }, always: true, isLast: true)
    search.place = picture?.place
    bar?.finish(
        "\(search.rates.count) steps; "
            + (search.suggestion.map { "suggestion: \($0.significant(2))" } ?? "no suggestion"))
    return search
}

/// The loss of a network over the rate that it learned with, and a rate that follows from it.
public struct LearningRateSearch: Sendable {
    let name: String
    public private(set) var rates: [Double] = []
    /// Of each batch.
    public private(set) var losses: [Double] = []
    /// Their running mean: 0.98 of it stays at each step, and its start at nought is taken out.
    public private(set) var smoothed: [Double] = []
    private var running = 0.0
    /// Where its plot was shown while it went on.
    var place: OutputPlace?

    init(name: String) { self.name = name }

    /// Notes a step. False where the search has seen enough: the loss is no number, or four times its lowest.
    mutating func add(rate: Double, loss: Double) -> Bool {
        guard loss.isFinite else { return false }
        rates.append(rate)
        losses.append(loss)
        running += (1 - 0.98) * (loss - running)
        let mean = running / (1 - pow(0.98, Double(losses.count)))
        smoothed.append(mean)
        return mean <= 4 * (smoothed.min() ?? mean)
    }

    /// Half-way down the longest valley of the smoothed loss: after the loss has begun to fall steadily, and well before
    /// it rises (fastai's "valley"). `nil` where it never falls. Its first tenth and its last five steps are left out.
    public var suggestion: Double? {
        let first = rates.count / 10
        let last = rates.count - 5
        guard last - first > 3 else { return nil }
        let losses = Array(smoothed[first..<last])
        // The longest run of steps, each lower than the one before, not necessarily neighbours.
        var lengths = [Int](repeating: 1, count: losses.count)
        var end = 0
        for i in losses.indices {
            for j in 0..<i where losses[i] < losses[j] && lengths[i] < lengths[j] + 1 { lengths[i] = lengths[j] + 1 }
            if lengths[end] < lengths[i] { end = i }
        }
        guard lengths[end] > 1 else { return nil }
        // From where fastai counts it: the valley's length before its end, a third on, and half of a third.
        let start = end - lengths[end]
        let third = Double(end - start) / 3
        return rates[first + max(0, start + Int(third) + Int(third / 2))]
    }
}

extension LearningRateSearch: Displayable {
    public var mimeBundle: MimeBundle { place?.isHere == true ? MimeBundle(sentence: verdict) : plot.mimeBundle }

    private var verdict: String {
        guard let suggestion else { return "The loss falls with none of these rates steadily enough to suggest one." }
        return
            "suggestion: \(suggestion.significant(2)), half-way down the slope; from the loss's lowest point on a rate is too large"
    }

    /// The loss over the rate, on a logarithmic axis, with the suggestion marked.
    public var plot: LinePlot {
        let high = smoothed.first.map { 2 * $0 } ?? 1
        var plot = LinePlot(
            title: "learning rate of \(name)", x: Axis("learning rate", scale: .logarithmic),
            left: Axis("loss", range: 0...max(high, 1e-9)),
            curves: [
                Curve("of each batch", x: rates, y: losses, color: .skyBlue, lineWidth: 1),
                Curve("smoothed", x: rates, y: smoothed, color: .azure),
            ], height: 320)
        if let suggestion {
            plot.curves.append(
                Curve(
                    "suggestion: \(suggestion.significant(2))", x: [suggestion, suggestion], y: [0, high],
                    color: .vermilion, style: .dashed))
        }
        return plot
    }
}
