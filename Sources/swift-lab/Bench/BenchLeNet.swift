import ArgumentParser
import Datasets
import Lab
import Tensors

/// `swift-lab bench lenet`: DIGITS' LeNet on Fashion-MNIST, images a second in training and in use.
struct BenchLeNet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lenet", abstract: "Trains DIGITS' LeNet on Fashion-MNIST and prints images per second.")

    @Option(help: "Images in a training step.")
    var batch = 64
    @Option(help: "Images in an epoch.")
    var images = 12_800
    @Option(help: "Epochs; the fastest counts.")
    var epochs = 3
    @Flag(help: "Train once more while another process keeps a core busy.")
    var busy = false
    @Flag(help: "Say in which share of the time a GPU has nothing to do between two steps.")
    var idle = false
    @Option(help: "How exactly a GPU multiplies: float32, tf32 or bfloat16.")
    var precision = ProductPrecision.float32
    @Flag(help: "One line of JSON.")
    var json = false

    /// Multiplications and additions of one image in training: three times those of its convolutions and products, but
    /// nobody asks for the gradient of the image.
    private static let flopsPerImage = 2 * (3 * 2_293_000.0 - 288_000)

    func run() throws { try precision.run(measure) }

    private func measure() throws {
        let data = try Dataset.fashionMNIST().officialSplit(validation: 0, seed: 1)
        let net = LeNet()
        net.initialize(input: [1, 28, 28], seed: 1)
        let optimizer = Optimizer(.sgd(momentum: 0.9, weightDecay: 1e-4), learningRate: 0.01)
        let training = data.training
        // On a GPU as `train` does it: the images there as bytes, and captured steps, several by one launch.
        let repeated = RepeatedStep(on: Device.default)
        let resident = training.resident(on: Device.default, isAugmented: true)
        let steps = images / batch
        var loss = 0.0
        func train(_ batches: Batches, _ steps: Int) {
            loss = 0
            func take(_ images: Tensor, _ labels: Tensor) -> Tensor {
                let (value, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
                optimizer.update(net, along: gradients)
                return value
            }
            guard let repeated, let resident else {
                for step in 0..<steps {
                    // Gathered once: each access gathers anew.
                    let part = batches[step]
                    loss += Double(take(part.images, part.labels).item) / Double(steps)
                }
                return
            }
            resident.arrange(batches.storedOrder)
            var step = 0
            while step < steps {
                let inputs = RepeatedStep.Inputs.resident(resident, start: step * batch, count: batch)
                let count = min(steps - step, repeated.reach(inputs))
                repeated.run(
                    inputs, rates: Array(repeating: optimizer.learningRate, count: count),
                    randomness: Array(repeating: RandomGenerator(seed: step), count: count)
                ) { inputs, _, _ in take(inputs[0], inputs[1]) }
                step += count
            }
            loss = repeated.takeTotals().sum / Double(steps)
        }
        train(training.batches(of: batch, shuffledBy: 1, epoch: 0), min(20, steps))
        func fastestEpoch() -> Double {
            (1...max(epochs, 1)).map { epoch in
                let batches = training.batches(of: batch, shuffledBy: 1, epoch: epoch)
                return Double(steps * batch) / seconds { train(batches, steps) }
            }.max()!
        }
        let trainRate = fastestEpoch()
        let finalLoss = loss
        // What a step takes where one follows the other at once, against what it takes with all that lies in between.
        let alone =
            idle
            ? resident.flatMap { resident in
                repeated?.secondsAlone(
                    .resident(resident, start: 0, count: batch), steps: min(64, steps), rate: 0,
                    randomness: RandomGenerator(seed: 1))
            } : nil
        let test = data.test.images
        var right = 0
        var inferRate = 0.0
        let answers = data.test.labels
        for _ in 0..<3 {
            right = 0
            let time = seconds {
                for start in stride(from: 0, to: test.shape[0], by: 500) {
                    let chosen = net(test[start..<min(start + 500, test.shape[0])]).argmax().int32s
                    for (index, label) in chosen.enumerated() where Int(label) == answers[start + index] { right += 1 }
                }
            }
            inferRate = max(inferRate, Double(test.shape[0]) / time)
        }
        let memory = peakMemory()
        let busyRate = busy ? try whileAnotherProcessComputes { fastestEpoch() } : 0
        let sgemm = sgemmRate()
        var figures = Figures(
            "lenet", title: "LeNet, batch \(batch), \(steps * batch) images of Fashion-MNIST")
        figures.add("batch", Double(batch))
        figures.add("train_images_per_s", trainRate)
        figures.add("infer_images_per_s", inferRate)
        if let alone {
            figures.add("step_microseconds", Double(batch) / trainRate * 1e6, digits: 1)
            figures.add("step_alone_microseconds", alone * 1e6, digits: 1)
            figures.add("idle_share", max(0, 1 - alone * trainRate / Double(batch)), digits: 3)
        }
        figures.add("sgemm_gflops", sgemm, digits: 1)
        figures.add("sgemm_share", trainRate * Self.flopsPerImage / 1e9 / sgemm, digits: 3)
        figures.add("peak_memory_mb", memory)
        figures.add("accuracy", Double(right) / Double(test.shape[0]), digits: 4)
        figures.add("loss", finalLoss, digits: 5)
        if busy {
            figures.add("busy_train_images_per_s", busyRate)
            figures.add("busy_share", busyRate / trainRate, digits: 3)
        }
        figures.show(asJSON: json)
    }
}
