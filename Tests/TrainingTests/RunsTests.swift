import Datasets
import Display
import Foundation
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct RunsTests {
    private var settings: Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = 6
        settings.batchSize = 16
        settings.learningRate = .step(0.05, everyPercent: 50, factor: 0.1)
        return settings
    }

    @Test func aRunIsKeptWithItsSettingsAndItsFigures() throws {
        try inFolder { home in
            let run = try train(SmallNet(), on: try bars(), settings, from: nil, host(home: home))
            let stored = try Runs(home: home)[1]
            #expect(run.number == 1)
            #expect(stored.settings == settings)
            #expect(stored.history == run.history)
            #expect(stored.status == "complete")
            #expect(stored.modelName == "SmallNet" && stored.dataName == "bars")
            let metrics = String(decoding: try readFile("\(home)/1/metrics.csv"), as: UTF8.self)
            let lines = metrics.split(separator: "\n")
            #expect(lines[0] == "epoch,training_loss,learning_rate,validation_loss,validation_accuracy")
            #expect(lines.count == 1 + run.history.points.count + run.history.validations.count)
        }
    }

    @Test(arguments: [20, 59]) func aRunFromDiskGoesOnToTheSameWeights(looks: Int) throws {
        try inFolder { home in
            let data = try bars()
            let whole = try train(SmallNet(), on: data, settings, from: nil, host())
            let broken = try train(
                SmallNet(), on: data, settings, from: nil, host(home: home, interruptingAfter: looks))
            #expect(broken.wasInterrupted)
            let stored = try Runs(home: home)[1]
            #expect(stored.status == "interrupted")
            // A new model, as in another process: only the files know what was learned.
            let resumed = try stored.resume(SmallNet(), on: data, until: nil, host(home: home))
            #expect(weights(resumed) == weights(whole))
            #expect(resumed.history.points.map(\.loss) == whole.history.points.map(\.loss))
            #expect(try Runs(home: home)[1].status == "complete")
            #expect(RunFolder.numbers(in: home) == [1])
        }
    }

    @Test func aRunWhoseProcessDiedGoesOnFromItsLastSnapshot() throws {
        try inFolder { home in
            let data = try bars()
            let whole = try train(SmallNet(), on: data, settings, from: nil, host())
            _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home, interruptingAfter: 20))
            // As `kill -9` in the middle of the next snapshot leaves it: marked as running by a process that is gone,
            // and a file half-written.
            let folder = RunFolder(path: "\(home)/1", number: 1)
            var record = try folder.record()
            record.ending = .running
            // No process has this number: Linux's largest is 4,194,304.
            record.process = 4_999_999
            try folder.write(record)
            try writeFile([1, 2, 3], to: "\(home)/1/step-27.safetensors.99-1.part")
            #expect(try Runs(home: home)[1].status == "broken off")
            let resumed = try Runs(home: home)[1].resume(SmallNet(), on: data, until: nil, host(home: home))
            #expect(weights(resumed) == weights(whole))
            #expect(!fileExists("\(home)/1/step-27.safetensors.99-1.part"))
        }
    }

    @Test func longerTrainingIsAnotherEnd() throws {
        try inFolder { home in
            let data = try bars()
            _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let longer = try Runs(home: home)[1].resume(SmallNet(), on: data, until: 8, host(home: home))
            #expect(longer.epochs == 8)
            #expect(longer.history.validations.count == 8)
            #expect(try Runs(home: home)[1].settings.epochs == 8)
        }
    }

    @Test func otherDataAreRefused() throws {
        try inFolder { home in
            _ = try train(SmallNet(), on: try bars(), settings, from: nil, host(home: home, interruptingAfter: 20))
            let other = try bars(seed: 2)
            let error = #expect(throws: TrainingError.self) {
                try Runs(home: home)[1].resume(SmallNet(), on: other, until: nil, host(home: home))
            }
            #expect(
                error?.description.hasPrefix("runs[1] was trained on other data than this (bars, 3 classes") == true)
        }
    }

    @Test func anotherNetworkIsRefused() throws {
        final class Other: Module {
            let output = Dense(3)
            func callAsFunction(_ images: Tensor) -> Tensor { output(images.flattened()) }
        }
        try inFolder { home in
            let data = try bars()
            _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let error = #expect(throws: TrainingError.self) { try Runs(home: home)[1].load(Other(), on: data) }
            // 4 · 9 + 4 of the convolution, 36 · 16 + 16 and 16 · 3 + 3 of the dense layers.
            #expect(
                error?.description
                    == "runs[1] has the weights of another network (SmallNet, 683 parameters) than Other: load: output.weight has the shape [3, 64], the value [3, 16]"
            )
        }
    }

    @Test func aFolderThatCannotBeWrittenIsNamedBeforeTraining() throws {
        let error = #expect(throws: FileError.self) {
            try train(SmallNet(), on: try bars(), settings, from: nil, host(home: "/proc/runs"))
        }
        #expect(error?.description.hasPrefix("/proc/runs: this folder cannot be made (") == true)
    }

    @Test func aSnapshotThatCannotBeWrittenLeavesTheOneBefore() throws {
        try inFolder { home in
            let data = try bars()
            let run = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let folder = RunFolder(path: "\(home)/1", number: 1)
            let path = "\(home)/1/step-54.safetensors"
            let before = try readFile(path)
            // A writer that cannot make its folder is as one whose disk is full: it cannot write aside.
            let writer = SnapshotWriter(RunFolder(path: "/proc/gone", number: 1))
            try writer.write(run.state, try folder.record())
            let error = #expect(throws: TrainingError.self) { try writer.finish() }
            #expect(error?.description.contains("could not be written") == true)
            #expect(error?.description.contains("runs[1].resume goes on from it") == true)
            #expect(try readFile(path) == before)
        }
    }

    @Test func ofManyRunsTheLastTenAreNamed() throws {
        try inFolder { home in
            for number in 1...14 { try makeFolder("\(home)/\(number)") }
            let error = #expect(throws: TrainingError.self) { try Runs(home: home)[99] }
            #expect(
                error?.description
                    == "runs[99]: there is no such run in \(home); there are 4 more and 5, 6, 7, 8, 9, 10, 11, 12, 13, 14"
            )
        }
    }

    @Test func aMissingRunIsNamedWithThoseThereAre() throws {
        try inFolder { home in
            let none = #expect(throws: TrainingError.self) { try Runs(home: home)[3] }
            #expect(none?.description == "runs[3]: there is no such run in \(home); there are none yet")
        }
    }

    @Test func runsAreATableThatCanBeFilteredNotedAndThinned() throws {
        try inFolder { home in
            let data = try bars()
            for seed in 1...3 {
                var settings = settings
                settings.seed = seed
                settings.epochs = 2
                _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            }
            let runs = Runs(home: home)
            try runs[2].note("the good one")
            #expect(try runs[2].note == "the good one")
            #expect(runs.matching("GOOD").all.map(\.number) == [2])
            try runs[1].delete()
            #expect(runs.all.map(\.number) == [2, 3])
            let text = runs.mimeBundle.text
            #expect(text.contains("SmallNet  bars       2"))
            #expect(text.contains("the good one"))
            // What three runs have in common stands above them, once.
            _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let common = runs.mimeBundle.text
            #expect(common.hasPrefix("all with model SmallNet, data bars, batch 16\n"))
            #expect(!common.split(separator: "\n").dropFirst().contains { $0.contains("SmallNet") })
            // 130 letters of 7 pixels, and 12 columns with 13 of padding, are a page of 1,100 pixels.
            try runs[2].note(String(repeating: "long ", count: 50))
            #expect(runs.mimeBundle.text.split(separator: "\n").allSatisfy { $0.count <= 160 })
            #expect(runs.mimeBundle.contents["text/html"].map { "\($0)".contains("white-space:nowrap") } == true)
        }
    }

    @Test func aRunThatIsBeingTrainedIsNotDeleted() throws {
        try inFolder { home in
            var settings = settings
            settings.epochs = 1
            let data = try bars()
            let run = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let folder = try #require(run.folder)
            var record = try folder.record()
            record.ending = .running
            try folder.write(record)
            let error = #expect(throws: TrainingError.self) { try Runs(home: home)[1].delete() }
            #expect(
                error?.description
                    == "runs[1] is still being trained, here; interrupt it first, or remove \(home)/1 by hand")
            record.ending = .complete
            try folder.write(record)
            try Runs(home: home)[1].delete()
            #expect(Runs(home: home).all.isEmpty)
            // What is in memory goes on all the same, in a new place.
            let further = try run.resume(until: 2, host(home: home))
            #expect(further.epochs == 2 && Runs(home: home).all.map(\.status) == ["complete"])
        }
    }

    @Test func aFolderThatIsRemovedWhileItsRunIsTrainedIsMadeAgain() throws {
        try inFolder { home in
            let looks = Counter()
            let watched = Host(
                frontend: nil, home: home,
                isInterrupted: { [home = home as String] in
                    if looks.next() == 20 { removeFolder("\(home)/1") }
                    return false
                })
            let data = try bars()
            let run = try train(SmallNet(), on: data, settings, from: nil, watched)
            let stored = try Runs(home: home)[1]
            #expect(stored.status == "complete" && stored.snapshots.last == 6)
            #expect(try stored.load(SmallNet(), on: data).model.hasSameWeights(as: run.model))
        }
    }

    @Test func aRunKeepsItsWeightsWhenItsModelIsTrainedAgain() throws {
        let data = try bars()
        var settings = settings
        let net = SmallNet()
        let first = try train(net, on: data, settings, from: nil, host())
        let (weights, accuracy) = (first.model.conv.weight.scalars, first.evaluate(on: data.test).loss)
        settings.seed = 2
        let screen = RecordingFrontend()
        let second = try train(first.model, on: data, settings, from: nil, host(screen))
        #expect(
            screen.texts.withLock { $0 }.contains { $0.hasPrefix("This SmallNet was trained before: it starts anew") })
        #expect(second.model.conv.weight.scalars != weights)
        #expect(first.evaluate(on: data.test).loss == accuracy)
        #expect(first.model.conv.weight.scalars == weights && second.model.conv.weight.scalars != weights)
        // What is changed by hand stays.
        try first.model.load(second.weights)
        #expect(first.model.conv.weight.scalars != weights)
    }

    @Test func aRunIsKnownByItsName() throws {
        try inFolder { home in
            let data = try bars()
            var settings = settings
            settings.epochs = 1
            let unnamed = #expect(throws: TrainingError.self) { try Runs(home: home)["small"] }
            #expect(
                unnamed?.description
                    == "runs[\"small\"]: there is no run of this name; none has a name yet: train(…, name: \"small\") gives one"
            )
            _ = try train(SmallNet(), on: data, settings, from: nil, name: "small", host(home: home))
            _ = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let runs = Runs(home: home)
            #expect(try runs["small"].number == 1)
            try runs[2].rename("second")
            #expect(try runs["second"].number == 2)
            #expect(runs.matching("second").all.map(\.number) == [2])
            #expect(runs.matching("complete").all.count == 2)
            #expect(runs.mimeBundle.text.contains("1 small"))
            let unknown = #expect(throws: TrainingError.self) { try runs["third"] }
            #expect(unknown?.description == "runs[\"third\"]: there is no run of this name; there are small, second")
            let table = try runs.compared(1, 2).table
            #expect(table.rows.map { $0[0] } == ["1 small", "2 second"])
            #expect(table.rows.allSatisfy { $0[4].hasSuffix(" %") }, "each accuracy with its interval")
            #expect(throws: TrainingError.self) { try runs.compared(1, 9) }
            // Its settings come along, and only what is changed is other.
            let clone = try runs["small"].clone(SmallNet(), on: data, quietly: true) { $0.seed = 5 }
            settings.seed = 5
            #expect(clone.settings == settings)
        }
    }

    @Test func aNoteThatIsWrittenWhileTheRunGoesOnStays() throws {
        try inFolder { home in
            let folder = try RunFolder.create(in: home)
            let data = try bars()
            let run = try train(SmallNet(), on: data, settings, from: nil, host(home: home))
            let record = try RunFolder(path: "\(home)/2", number: 2).record()
            try folder.write(record)
            let writer = SnapshotWriter(folder)
            // Another notebook writes a note after training has made its record.
            try StoredRun(folder: folder, record: record).note("look at this one")
            try writer.write(run.state, record)
            try writer.finish()
            #expect(try folder.record().note == "look at this one")
        }
    }

    @Test func aRunOfAnEarlierVersionCanBeRead() throws {
        let json = """
            {"epochs": 3, "batchSize": 8, "seed": 7, "shuffles": false, "validationInterval": 1, "snapshotInterval": 2}
            """
        let settings = try JSONDecoder().decode(Hyperparameters.self, from: Data(json.utf8))
        #expect(settings.epochs == 3 && settings.batchSize == 8 && settings.seed == 7 && !settings.shuffles)
        #expect(settings.accumulation == 1 && settings.averaging == nil && settings.snapshotsKept == 2)
        var rich = richSettings()
        rich.learningRate = .function { 1 / (1 + $0) }
        #expect(try JSONDecoder().decode(Hyperparameters.self, from: JSONEncoder().encode(rich)) == rich)
    }

    @Test func layersThatAreOthersStartAnew() throws {
        let data = try bars()
        let run = try train(SmallNet(), on: data, settings, from: nil, host())
        var still = settings
        still.epochs = 1
        still.learningRate = .fixed(0)
        still.optimizer = .sgd()
        let next = try train(SmallNet(), on: data, still, from: run.weights, except: ["output"], host())
        func values(_ run: Run<SmallNet>, _ name: String) -> [Float] {
            run.weights.first { $0.name == name }?.value.scalars ?? []
        }
        #expect(values(next, "hidden.weight") == values(run, "hidden.weight"))
        #expect(values(next, "output.weight") != values(run, "output.weight"))
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, still, from: run.weights, except: ["head"], host())
        }
        #expect(
            error?.description
                == "train: there is no layer head to start anew; there are conv, hidden, output")
    }

    @Test func withoutSnapshotsNothingIsWritten() throws {
        try inFolder { home in
            var settings = settings
            settings.snapshotInterval = 0
            settings.epochs = 1
            let run = try train(SmallNet(), on: try bars(), settings, from: nil, host(home: home))
            #expect(run.number == nil)
            #expect(RunFolder.numbers(in: home).isEmpty)
        }
    }
}
