import ArgumentParser

/// `swift-lab bench`: the figures that the documentation promises. All of them, one JSON object a line, or one
/// subcommand's, as a table.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures training, data and pictures, and prints one JSON object for each.",
        subcommands: [
            BenchDigits.self, BenchLeNet.self, BenchConvnet.self, BenchFashion.self, BenchResNet.self,
            BenchGoogLeNet.self, BenchSequence.self, BenchAdam.self, BenchPerceptron.self, BenchData.self,
            BenchAugmentation.self, BenchPictures.self, BenchRuns.self, BenchRecipe.self,
        ])

    /// All but the recipe, which takes five minutes.
    func run() throws {
        try BenchDigits.parse(["--json"]).run()
        for batch in ["64", "256"] { try BenchLeNet.parse(["--json", "--busy", "--batch", batch]).run() }
        try BenchConvnet.parse(["--json"]).run()
        try BenchFashion.parse(["--json"]).run()
        try BenchResNet.parse(["--json"]).run()
        try BenchGoogLeNet.parse(["--json"]).run()
        try BenchSequence.parse(["--json"]).run()
        try BenchAdam.parse(["--json"]).run()
        try BenchPerceptron.parse(["--json"]).run()
        try BenchData.parse(["--json"]).run()
        try BenchAugmentation.parse(["--json"]).run()
        try BenchPictures.parse(["--json"]).run()
        try BenchRuns.parse(["--json"]).run()
    }
}
