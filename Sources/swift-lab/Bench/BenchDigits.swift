import ArgumentParser
import Datasets
import Display
import NeuralNetworks
import Tensors
import Training

/// LeNet on 3,000 real digits, five times: the test accuracy and the time. `Tests/Golden/pytorch_digits.py` does the
/// same with PyTorch.
struct BenchDigits: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digits", abstract: "Trains LeNet on 3,000 digits with five seeds: test accuracy and seconds.")

    @Option(help: "Write the places of the images of each part to this file, for PyTorch to use the same.")
    var indices: String?

    mutating func run() throws {
        let data = try Dataset.mnistSmall().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
        if let indices {
            let parts = [("training", data.training), ("validation", data.validation), ("test", data.test)]
            let text = "{" + parts.map { "\(quoted($0.0)): \($0.1.positions)" }.joined(separator: ", ") + "}\n"
            try writeFile(Array(text.utf8), to: indices)
        }
        var settings = Hyperparameters()
        settings.epochs = 10
        settings.snapshotInterval = 0
        var accuracies: [Double] = []
        var seconds: [Double] = []
        for seed in 1...5 {
            settings.seed = seed
            let run = try train(LeNet(), on: data, settings, quietly: true)
            accuracies.append(run.evaluate(on: data.test).accuracy)
            seconds.append(run.history.seconds)
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        printJSON([
            ("name", quoted("digits")), ("accuracies", "[\(accuracies.map { $0.fixed(4) }.joined(separator: ", "))]"),
            ("mean", mean(accuracies).fixed(4)), ("seconds", mean(seconds).fixed(2)),
            ("images_per_second", "\(Int(30_000 / mean(seconds)))"),
        ])
    }

    /// As DIGITS had it: the only non-linearity besides the pooling is behind the hidden layer.
    private final class LeNet: Module {
        let conv1 = Conv2D(20, kernel: 5), conv2 = Conv2D(50, kernel: 5)
        let hidden = Dense(500), output = Dense(10)

        func callAsFunction(_ images: Tensor) -> Tensor {
            let features = maxPool(conv2(maxPool(conv1(images), 2)), 2)
            return output(relu(hidden(features.flattened())))
        }
    }
}
