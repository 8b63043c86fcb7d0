import ArgumentParser
import Display
import Lab

/// `swift-lab bench recipe`: the ready-made recipe for Fashion-MNIST, from its first step to the official test images.
struct BenchRecipe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe",
        abstract: "Trains the recipe for Fashion-MNIST: seconds, and accuracy on the official 10,000 test images.")

    @Option(help: "Epochs, where not the recipe's own.")
    var epochs: Int?
    @Option(help: "What its weights and the order of its images are drawn from.")
    var seed = 1
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        var recipe = try Recipe.fashionMNIST()
        recipe.settings.epochs = epochs ?? recipe.settings.epochs
        recipe.settings.seed = seed
        recipe.settings.snapshotInterval = 0
        let run = try recipe.train(quietly: json)
        let result = run.evaluate(on: recipe.data.test)
        var figures = Figures("recipe", title: "The recipe for Fashion-MNIST, \(recipe.settings.epochs) epochs")
        figures.add("train_seconds", run.history.seconds, digits: 1)
        figures.add("images_per_s", run.history.imagesPerSecond)
        figures.add("validation_accuracy", run.history.validations.last?.accuracy ?? .nan, digits: 4)
        figures.add("test_accuracy", result.accuracy, digits: 4)
        figures.add(
            "test_interval", [result.accuracyInterval.lowerBound, result.accuracyInterval.upperBound], digits: 4)
        figures.show(asJSON: json)
    }
}
