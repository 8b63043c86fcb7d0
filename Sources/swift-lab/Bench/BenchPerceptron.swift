import ArgumentParser
import Lab

/// `swift-lab bench perceptron`: what a step costs where there is almost nothing to compute.
struct BenchPerceptron: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perceptron",
        abstract: "Trains a 784-128-10 perceptron one image at a time and prints steps per second.")

    @Option(help: "Steps to take.")
    var steps = 5_000
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let net = Sequential {
            Dense(128, activation: .relu)
            Dense(10)
        }
        net.initialize(input: [784], seed: 1)
        let optimizer = Optimizer(.sgd(), learningRate: 0.001)
        let images = Tensor.uniform([64, 784], seed: 1)
        let rows = (0..<64).map { images[$0..<$0 + 1] }
        let labels = (0..<64).map { Tensor([Int32($0 % 10)]) }
        var loss: Float = 0
        func train(_ steps: Int) {
            for step in 0..<steps {
                let (value, gradients) = valueAndGradient(of: net) {
                    crossEntropy($0(rows[step % 64]), labels[step % 64])
                }
                optimizer.update(net, along: gradients)
                loss = value.item
            }
        }
        train(500)
        let rate = (0..<3).map { _ in Double(steps) / seconds { train(steps) } }.max() ?? 0
        var figures = Figures("perceptron", title: "Perceptron 784-128-10, one image a step")
        figures.add("steps_per_s", rate)
        figures.add("loss", Double(loss), digits: 5)
        figures.show(asJSON: json)
    }
}
