import Display
import Testing

@testable import Training

@Suite struct ComparisonTests {
    private func settings(rate: Double, epochs: Int = 3) -> Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = epochs
        settings.batchSize = 16
        settings.learningRate = .fixed(rate)
        return settings
    }

    @Test func everyValueIsTrainedWithAndShownInOnePicture() throws {
        let data = try bars()
        let screen = RecordingFrontend()
        let trials = try compare("rate", [("0.05", 0.05), ("0", 0.0)], on: screen) { rate in
            try train(SmallNet(), on: data, settings(rate: rate), from: nil, host())
        }
        #expect(trials.runs.map(\.value) == [0.05, 0])
        #expect(screen.pictures.load(ordering: .relaxed) == 2, "drawn after each run")
        let text = trials.comparison.picture.text
        #expect(text.contains("0.05") && text.contains("validation loss"))
        let alone = try train(SmallNet(), on: data, settings(rate: 0.05), from: nil, host())
        #expect(weights(alone) == weights(trials.runs[0].run))
        #expect(trials.mimeBundle.text.hasPrefix("Best: 0.05, with "))
    }

    @Test func theRunsThemselvesShowNothing() {
        #expect(Host.current(quietly: false).frontend != nil)
        Host.$isQuiet.withValue(true) { #expect(Host.current(quietly: false).frontend == nil) }
    }

    @Test func aRunThatDivergedIsShownAndTheOthersAreTrained() throws {
        let data = try bars()
        let trials = try compare("rate", [("1e30", 1e30), ("0.05", 0.05)], on: RecordingFrontend()) { rate in
            try train(SmallNet(), on: data, settings(rate: rate), from: nil, host())
        }
        #expect(trials.runs.map(\.value) == [0.05])
        #expect(trials.comparison.picture.text.contains("1e30: the loss became"))
    }

    @Test func ofEqualsTheFirstIsTheBest() throws {
        let data = try bars()
        // The first has no run, the other two are the same one.
        let trials = try compare("try", [("wild", 0), ("first", 1), ("second", 2)], on: RecordingFrontend()) { number in
            try train(SmallNet(), on: data, settings(rate: number == 0 ? 1e30 : 0.05), from: nil, host())
        }
        #expect(trials.best?.value == 1)
        #expect(trials.mimeBundle.text.hasPrefix("Best: first, with "))
    }

    @Test func aPartOfTheSettingsIsVariedByItsName() throws {
        let data = try bars()
        var settings = settings(rate: 0.05, epochs: 1)
        settings.snapshotInterval = 0
        let trials = try compare(\.batchSize, of: settings, [16, 48]) { try train(SmallNet(), on: data, $0) }
        #expect(trials.comparison.title == "batch size")
        #expect(trials.runs.map(\.run.settings.batchSize) == [16, 48])
        let rates = try compare(\.learningRate, of: settings, [0.05, .cosine(0.05)]) {
            try train(SmallNet(), on: data, $0)
        }
        #expect(rates.runs.map(\.run.settings.learningRate) == [.fixed(0.05), .cosine(0.05)])
        #expect(rates.comparison.picture.text.contains("\n0.05 "))
        let named = try compare(\.training, of: data, ["few": data.training[0..<48], "all": data.training]) {
            try train(SmallNet(), on: $0, settings)
        }
        #expect(named.runs.map(\.run.data.training.count) == [48, 144])
        #expect(named.comparison.picture.text.contains("few"))
    }

    @Test func otherErrorsEndIt() throws {
        let data = try bars()
        #expect(throws: TrainingError("train: 0 epochs are none; choose 1 or more")) {
            try compare("epochs", [("0", 0)], on: RecordingFrontend()) { epochs in
                try train(SmallNet(), on: data, settings(rate: 0.05, epochs: epochs), from: nil, host())
            }
        }
        let none: [(name: String, value: Int)] = []
        #expect(throws: TrainingError.self) {
            try compare("epochs", none, on: RecordingFrontend()) { epochs in
                try train(SmallNet(), on: data, settings(rate: 0.05, epochs: epochs), from: nil, host())
            }
        }
    }

    @Test func anInterruptEndsItWithWhatWasTrained() throws {
        let data = try bars()
        let screen = RecordingFrontend()
        let trials = try compare("rate", [("0.05", 0.05), ("0.01", 0.01)], on: screen) { rate in
            try train(SmallNet(), on: data, settings(rate: rate), from: nil, host(interruptingAfter: 5))
        }
        #expect(trials.runs.count == 1 && trials.runs[0].run.wasInterrupted)
        #expect(trials.comparison.table.rows[0][0] == "0.05, interrupted")
        let said = screen.texts.withLock {
            $0.contains { $0.hasSuffix("the last is not at its end, and 1 more was not begun") }
        }
        #expect(said)
    }

    @Test func theVerdictNamesThoseThatLieWithinTheInterval() {
        var comparison = Comparison(title: "seed")
        #expect(comparison.verdict == "No run came to an end.")
        for (name, accuracy) in [("1", 0.96), ("2", 0.95), ("3", 0.90)] {
            var history = History()
            history.validations = [History.Validation(epoch: 1, loss: 1, accuracy: accuracy)]
            comparison.add(name, Finished(history: history, validationCount: 1_000))
        }
        // Wilson's interval of 960 in 1,000 is 94.60 to 97.04 %.
        #expect(
            comparison.verdict
                == "Best: 1, with 96.0 % of the validation part. Within its 95 % interval, 94.6 to 97.0 %, lies also 2: that may be luck."
        )
    }

    private struct Finished: TrainedRun {
        var history: History
        var validationCount: Int?
    }
}
