import Datasets
import NeuralNetworks
import Testing

@testable import Training

/// Runs that are broken off or steered from outside, and how they go on.
@Suite struct InterruptTests {
    private let settings = sixEpochs

    @Test(arguments: [0, 1, 7, 9, 20, 53, 59]) func aRunThatWasBrokenOffReachesTheSameWeights(looks: Int) throws {
        // 9 steps an epoch, and a look before each step and each validation batch.
        let data = try bars()
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: looks))
        #expect(broken.wasInterrupted)
        let resumed = try train(broken.model, on: data, settings, state: broken.state, keeping: nil, host())
        #expect(weights(resumed) == weights(whole))
        #expect(resumed.history.points.map(\.loss) == whole.history.points.map(\.loss))
        #expect(resumed.history.validations == whole.history.validations)
    }

    @Test func aResumedRunStartsFromItsOwnWeightsAlthoughTheModelWentOn() throws {
        let data = try bars()
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: 20))
        // Resuming twice gives the same twice, because the run keeps its state and the model is only its last user.
        let once = weights(try broken.resume(until: nil, host()))
        let twice = weights(try broken.resume(until: nil, host()))
        #expect(once == twice)
    }

    @Test func aFinishedRunSaysHowToGoOn() throws {
        let run = try train(SmallNet(), on: try bars(), settings, from: nil, host())
        let error = #expect(throws: TrainingError.self) { try run.resume(until: nil, host()) }
        #expect(error?.description == "resume: this run has already done 6 epochs; resume(until: 12) goes on")
    }

    @Test func thePictureOfAnInterruptedRunEndsWhereTheTrainingDid() throws {
        let broken = try train(SmallNet(), on: try bars(), settings, from: nil, host(interruptingAfter: 21))
        #expect(broken.plot.x.range == 0...broken.epochs)
        #expect(broken.history.end <= broken.epochs && broken.history.end > 2)
    }

    @Test func anEndThatIsBehindIsRefusedAlsoOfAnInterruptedRun() throws {
        let data = try bars()
        // 9 steps an epoch with a look before each and one before the validation: look 21 is in the third epoch.
        let broken = try train(SmallNet(), on: data, settings, from: nil, host(interruptingAfter: 21))
        #expect(broken.wasInterrupted && broken.epochs > 2)
        let behind = #expect(throws: TrainingError.self) { try broken.resume(until: 2, host()) }
        let done = "resume: this run has already done \(broken.epochs.significant(3)) epochs"
        #expect(behind?.description == "\(done); resume() goes on to the 6 that were planned")
        let negative = #expect(throws: TrainingError.self) { try broken.resume(until: -3, host()) }
        #expect(negative?.description == "train: -3 epochs are none; choose 1 or more")
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        let shorter = #expect(throws: TrainingError.self) { try whole.resume(until: 4, host()) }
        #expect(shorter?.description == "resume: this run has already done 6 epochs; resume(until: 12) goes on")
    }

    @Test func anInterruptIsSaidWithTheWayToGoOn() throws {
        let recorder = RecordingFrontend()
        _ = try train(SmallNet(), on: try bars(), settings, from: nil, host(recorder, interruptingAfter: 5))
        let last = recorder.texts.withLock { $0.last } ?? ""
        #expect(last.hasPrefix("interrupted after 0.6 of 6 epochs ("))
        #expect(last.hasSuffix("what was learned is kept, and resume() goes on"))
    }

    @Test func aRunCanBeTurnedPausedKeptAndStoppedFromOutside() throws {
        try inFolder { home in
            let data = try bars()
            let controls = TrainingControls()
            controls.rateFactor = 0
            controls.takeSnapshot()
            controls.isPaused = true
            // While it is paused it waits; the third look ends that.
            let looks = Counter()
            let host = Host(
                frontend: nil, home: home,
                isInterrupted: {
                    if looks.next() == 3 { controls.isPaused = false }
                    return false
                })
            var settings = settings
            settings.epochs = 1
            let run = try train(SmallNet(), on: data, settings, from: nil, controls: controls, host)
            #expect(run.history.points.allSatisfy { $0.learningRate == 0 })
            #expect(try Runs(home: home)[1].snapshots.first == 0)
            controls.stop()
            let stopped = try train(SmallNet(), on: data, settings, from: nil, controls: controls, host)
            #expect(stopped.wasInterrupted && stopped.epochs == 0)
        }
    }
}
