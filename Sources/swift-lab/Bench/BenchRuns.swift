import ArgumentParser
import Datasets
import Display
import Foundation
import NeuralNetworks
import Synchronization
import Tensors
import Training

/// `swift-lab bench runs`: what it costs to show a run and to keep it.
struct BenchRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "What live pictures and bars cost of the training time, and how long a snapshot of LeNet takes.")

    @Option(help: "Pairs of runs, shown and not shown in turn; the fastest of each count.")
    var rounds = 8
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let folder = "/tmp/swift-lab-bench-\(UInt32.random(in: 0...UInt32.max))"
        defer { removeFolder(folder) }
        setenv("SWIFT_LAB_RUNS", folder, 1)
        let data = try Dataset.mnistSmall().split(training: 0.6, validation: 0.2, test: 0.2, seed: 7).normalized()
        var settings = Hyperparameters()
        settings.epochs = 20
        settings.snapshotInterval = 0
        let before = Display.frontend
        defer { Display.frontend = before }
        let shown = EncodingFrontend()
        Display.frontend = shown
        func cost(quietly: Bool) throws -> Cost {
            try Cost.of { _ = try train(LeNet(), on: data, settings, quietly: quietly) }
        }
        _ = try cost(quietly: true)
        // What else the machine does makes some slower and none faster.
        var (quiet, live) = (Cost(), Cost())
        var shownRuns = 0
        for round in 0..<max(rounds, 1) {
            // In turn, and each first as often as the other: the machine is not equally fast at all times.
            for quietly in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                let cost = try cost(quietly: quietly)
                if quietly { quiet.takeLess(of: cost) } else { live.takeLess(of: cost) }
                if !quietly { shownRuns += 1 }
            }
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        settings.epochs = 10
        settings.snapshotInterval = 1
        let run = try train(LeNet(), on: data, settings, quietly: true)
        let times = try runs[run.number ?? 1].log.split(separator: "\n").compactMap { line -> Double? in
            guard line.hasSuffix(" ms"), let figure = line.split(separator: " ").dropLast().last else { return nil }
            return Double(figure)
        }
        var figures = Figures("runs", title: "Showing and keeping a run: LeNet, 3,000 digits")
        figures.add("seconds_quietly", quiet.seconds, digits: 3)
        figures.add("seconds_shown", live.seconds, digits: 3)
        figures.add("shown_percent_of_time", (live.seconds / quiet.seconds - 1) * 100, digits: 2)
        figures.add(
            "shown_percent_of_processor_time", (live.processorSeconds / quiet.processorSeconds - 1) * 100, digits: 2)
        let plot = run.history.plot(title: "LeNet", epochs: 10, rate: settings.learningRate)
        let pictures = Double(shown.pictures) / Double(shownRuns)
        let picture = medianSeconds(of: 11) { shown.display(plot.pictureBundle, id: nil) }
        figures.add("picture_ms", picture * 1_000, digits: 1)
        figures.add("pictures_a_run", pictures, digits: 1)
        figures.add("shown_percent_by_count", picture * pictures / quiet.seconds * 100, digits: 2)
        figures.add("snapshot_ms", median(times), digits: 0)
        figures.add("snapshot_ms_slowest", times.max() ?? 0, digits: 0)
        figures.show(asJSON: json)
    }
}

/// Does with what is displayed what the kernel does before it sends it: base64 and JSON.
private final class EncodingFrontend: Frontend {
    private let count = Atomic<Int>(0)
    var pictures: Int { count.load(ordering: .relaxed) }
    var updatesInPlace: Bool { true }
    func display(_ bundle: MimeBundle, id: DisplayID?) { encode(bundle) }
    func update(_ bundle: MimeBundle, id: DisplayID) { encode(bundle) }
    func clearOutput(wait: Bool) {}

    private func encode(_ bundle: MimeBundle) {
        var data: [String: String] = [:]
        for (type, content) in bundle.contents {
            switch content {
            case .text(let text): data[type] = text
            case .bytes(let bytes):
                data[type] = Data(bytes).base64EncodedString()
                count.add(1, ordering: .relaxed)
            case .json(let json):
                data[type] = (try? JSONEncoder().encode(json)).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        _ = try? JSONEncoder().encode(data)
    }
}
