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
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let data = try Dataset.mnistSmall().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
        if let indices {
            let parts = [("training", data.training), ("validation", data.validation), ("test", data.test)]
            let text = "{" + parts.map { "\"\($0.0)\": \($0.1.positions)" }.joined(separator: ", ") + "}\n"
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
        var figures = Figures("digits", title: "LeNet, 3,000 digits, 10 epochs, five seeds")
        figures.add("accuracies", accuracies, digits: 4)
        figures.add("mean", mean(accuracies), digits: 4)
        figures.add("seconds", mean(seconds), digits: 2)
        figures.add("images_per_second", 30_000 / mean(seconds))
        figures.show(asJSON: json)
    }
}
