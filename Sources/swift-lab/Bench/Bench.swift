import ArgumentParser
import Display

/// The figures that the documentation promises, one JSON object a line.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures training, data and pictures, and prints one JSON object for each.",
        subcommands: [
            BenchDigits.self, BenchLeNet.self, BenchConvnet.self, BenchPerceptron.self, BenchData.self,
            BenchPictures.self,
        ])

    mutating func run() throws {
        var digits = try BenchDigits.parse([])
        try digits.run()
        for batch in ["64", "256"] { try BenchLeNet.parse(["--json", "--batch", batch]).run() }
        try BenchConvnet.parse(["--json"]).run()
        try BenchPerceptron.parse(["--json"]).run()
        try BenchData().run()
        BenchPictures().run()
    }
}

/// `{"name": "digits", …}` in the order given: what a person reads first comes first.
func printJSON(_ members: [(String, String)]) {
    print("{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}")
}

func quoted(_ text: String) -> String { "\"\(text)\"" }

/// The median seconds of `work`, done so many times after once for warming up.
func medianSeconds(of times: Int, _ work: () throws -> Void) rethrows -> Double {
    try work()
    let clock = ContinuousClock()
    var all: [Double] = []
    for _ in 0..<times {
        let start = clock.now
        try work()
        all.append((clock.now - start).seconds)
    }
    return all.sorted()[times / 2]
}
