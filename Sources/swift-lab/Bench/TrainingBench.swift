import ArgumentParser
import Lab
import Tensors

extension ProductPrecision: ExpressibleByArgument {}

/// The options of the benchmarks that train a network on images of noise, and how they measure.
struct TrainingBench: ParsableArguments {
    @Option(help: "Images in a training step.")
    var batch: Int?
    @Option(help: "Steps to take; the fastest third counts.")
    var steps = 12
    @Option(help: "How exactly a GPU multiplies: float32, tf32 or bfloat16.")
    var precision = ProductPrecision.float32
    @Flag(help: "One line of JSON.")
    var json = false

    /// What is trained: the command's name, what stands in its table of figures, and the usual number of images in a step.
    struct Subject: Sendable {
        let name: String
        let what: String
        let batch: Int
        let input: Shape
        let optimizer: Optimizer.Method
        let network: @Sendable () -> Sequential

        init(
            _ name: String, _ what: String, batch: Int, input: Shape,
            optimizer: Optimizer.Method = .sgd(momentum: 0.9), network: @escaping @Sendable () -> Sequential
        ) {
            (self.name, self.what, self.batch, self.input) = (name, what, batch, input)
            (self.optimizer, self.network) = (optimizer, network)
        }
    }

    /// Prints the images a second that training of the subject's network takes in.
    func run(_ subject: Subject) { precision.run { measure(subject) } }

    private func measure(_ subject: Subject) {
        let (net, batch) = (subject.network(), batch ?? subject.batch)
        net.initialize(input: subject.input, seed: 1)
        let optimizer = Optimizer(subject.optimizer, learningRate: 0.001)
        let images = Tensor.uniform(Shape([batch] + subject.input.sizes), seed: 1)
        let labels = Tensor((0..<batch).map { Int32($0 % 10) })
        var loss: Float = 0
        let repeated = RepeatedStep(on: Device.default)
        func take(_ images: Tensor, _ labels: Tensor) -> Tensor {
            let (value, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
            optimizer.update(net, along: gradients)
            return value
        }
        func step() {
            guard let repeated else {
                loss = take(images, labels).item
                return
            }
            let inputs = RepeatedStep.Inputs.copied([images, labels])
            repeated.run(inputs, rates: [optimizer.learningRate], randomness: [RandomGenerator(seed: 1)]) {
                inputs, _, _ in take(inputs[0], inputs[1])
            }
            loss = Float(repeated.takeTotals().sum)
        }
        for _ in 0..<3 { step() }
        let times = (0..<max(steps, 3)).map { _ in seconds { step() } }.sorted()
        let fastest = times.prefix(times.count / 3)
        var figures = Figures(subject.name, title: "Training of \(subject.what), batch \(batch)")
        figures.add("train_images_per_s", Double(batch * fastest.count) / fastest.reduce(0, +), digits: 1)
        figures.add("peak_memory_mb", peakMemory())
        figures.add("loss", Double(loss), digits: 5)
        figures.show(asJSON: json)
    }
}
