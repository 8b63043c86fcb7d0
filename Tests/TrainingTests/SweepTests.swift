import Datasets
import Display
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct SweepTests {
    private var settings: Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = 2
        settings.learningRate = .cosine(0.05)
        return settings
    }

    @Test func everyCombinationIsTrainedAndTheBestIsMarked() throws {
        try inFolder { home in
            let data = try bars()
            let recorder = RecordingFrontend()
            let found = try sweep(settings, learningRate: [0, 0.05], batchSize: [16, 48], on: recorder) {
                try train(SmallNet(), on: data, $0, from: nil, host(home: home))
            }
            #expect(found.runs.map(\.value.batchSize) == [16, 48, 16, 48])
            #expect(found.runs.map(\.value.learningRate) == [.cosine(0), .cosine(0), .cosine(0.05), .cosine(0.05)])
            // Without a rate nothing is learned; more steps learn more in two epochs.
            #expect(found.best?.value == found.runs[2].value)
            let rows = found.comparison.table.rows.map { $0[0] }
            #expect(
                rows == ["rate 0, batch 16", "rate 0, batch 48", "rate 0.05, batch 16 ★", "rate 0.05, batch 48"])
            #expect(
                Runs(home: home).all.map(\.name)
                    == rows.map { String($0.split(separator: " ★")[0]) })
            #expect(found.mimeBundle.text.hasPrefix("Best: rate 0.05, batch 16, with "))
            #expect(recorder.pictures.load(ordering: .relaxed) == 4)
        }
    }

    @Test func theBestTrialAloneKeepsItsWeightsOnDisk() throws {
        try inFolder { home in
            let data = try bars()
            let own = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let found = try sweep(settings, learningRate: [0, 0.05, 0.01], batchSize: [], on: RecordingFrontend()) {
                try train(SmallNet(), on: data, $0, from: nil, host(home: home))
            }
            let stored = Runs(home: home).all
            // The first is no trial: both of its epochs are there.
            #expect(stored.map { $0.snapshots.count } == [2, 0, 1, 0])
            let best = try #require(found.best?.run)
            #expect(best.number == 3)
            let loaded = try stored[2].load(SmallNet(), on: data)
            #expect(loaded.model.hasSameWeights(as: best.model))
            #expect(own.number == 1)
            let error = #expect(throws: TrainingError.self) { try stored[3].load(SmallNet(), on: data) }
            #expect(
                error?.description
                    == "runs[4] was a trial of a comparison, in which the best run alone keeps its weights; runs[4].clone trains anew with its settings"
            )
            // In memory they have theirs, and go on from there.
            let further = try found.runs[2].run.resume(until: 3, host(home: home))
            #expect(further.epochs == 3 && Runs(home: home).all[3].snapshots.last == 3)
        }
    }

    @Test func aComparisonLeavesTheSnapshotsOfEarlierRunsAlone() throws {
        try inFolder { home in
            let data = try bars()
            let own = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let found = try compare("epochs", [("3", 3), ("4", 4)], on: RecordingFrontend()) {
                try Runs(home: home)[1].resume(SmallNet(), on: data, until: $0, host(home: home))
            }
            #expect(found.runs.count == 2 && own.number == 1)
            #expect(try Runs(home: home)[1].snapshots.last == 4)
        }
    }

    @Test func aRateThatIsFarTooLargeDoesNotEndTheSweep() throws {
        let data = try bars()
        let found = try sweep(settings, learningRate: [1e6, 0.05], batchSize: [], on: RecordingFrontend()) {
            try train(SmallNet(), on: data, $0, from: nil, host())
        }
        #expect(found.runs.count == 1 && found.comparison.table.rows.map { $0[2] }[0] == "failed")
    }

    @Test func whatCannotBeTrainedWithIsSaidBeforeTheFirstRun() throws {
        var trained = 0
        let error = #expect(throws: TrainingError.self) {
            try sweep(settings, learningRate: [0.1, -1], batchSize: [], on: RecordingFrontend()) {
                trained += 1
                return try train(SmallNet(), on: try bars(), $0, from: nil, host())
            }
        }
        #expect(error?.description == "train: the learning rate is -1.0; choose 0 or more")
        #expect(trained == 0)
        let nothing = #expect(throws: TrainingError.self) {
            try sweep(settings, learningRate: [], batchSize: [], on: RecordingFrontend()) {
                try train(SmallNet(), on: try bars(), $0, from: nil, host())
            }
        }
        #expect(nothing?.description.hasPrefix("sweep: nothing is to be varied; give values for ") == true)
    }
}
