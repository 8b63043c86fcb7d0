import Datasets
import Display
import Glibc
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// A run that was broken off reaches the same bits as one that was not, whatever broke it.
@Suite struct ResumeTests {
    // 144 training images are 9 batches of 16, so 5 steps an epoch of one or two batches. The run looks whether it shall
    // stop before each step and before the one validation batch: 6 looks an epoch.
    private static let looksPerEpoch = 6

    @Test(arguments: [1, 6, 17, 30, 42]) func everythingThatARunDependsOnIsKept(looks: Int) throws {
        try inFolder { home in
            let data = try richBars()
            let whole = try train(RichNet(), on: data, richSettings(), from: nil, host())
            _ = try train(
                RichNet(), on: data, richSettings(), from: nil, host(home: home, interruptingAfter: looks))
            // A new model: only the files know what was learned.
            let resumed = try Runs(home: home)[1].resume(RichNet(), on: data, until: nil, host(home: home))
            #expect(fingerprint(resumed.state) == fingerprint(whole.state))
            #expect(try RunFolder(path: "\(home)/1", number: 1).state().step == whole.state.step)
        }
    }

    @Test func tenEpochsAreFiveAndFiveInAnotherProcess() async throws {
        try await inFolderOfProcesses { home in
            let whole = try train(RichNet(), on: try richBars(), richSettings(), from: nil, host())
            await #expect(processExitsWith: .success) { [home = home as String] in
                let half = try train(
                    RichNet(), on: try richBars(), richSettings(), from: nil,
                    host(home: home, interruptingAfter: 5 * ResumeTests.looksPerEpoch))
                guard half.epochs == 5, half.wasInterrupted else { fatalError("\(half.epochs) epochs") }
            }
            #expect(try Runs(home: home)[1].status == "interrupted")
            await #expect(processExitsWith: .success) { [home = home as String] in
                _ = try Runs(home: home)[1].resume(RichNet(), on: try richBars(), until: nil, host(home: home))
            }
            let state = try RunFolder(path: "\(home)/1", number: 1).state()
            #expect(fingerprint(state) == fingerprint(whole.state))
            #expect(try Runs(home: home)[1].status == "complete")
        }
    }

    @Test func aRunThatWasKilledInTheMiddleOfASnapshotGoesOn() async throws {
        try await inFolderOfProcesses { home in
            let whole = try train(WideNet(), on: try richBars(), richSettings(), from: nil, host())
            var wasInTheMiddle = false
            for attempt in 1...5 where !wasInTheMiddle {
                await #expect(processExitsWith: .signal(SIGKILL)) { [home = home as String, attempt = attempt as Int] in
                    killWhileWritingASnapshot(in: "\(home)/\(attempt)")
                    _ = try train(WideNet(), on: try richBars(), richSettings(), from: nil, host(home: home))
                }
                let stored = try Runs(home: home)[attempt]
                #expect(stored.status == "broken off")
                let left = folderEntries(stored.path).first { $0.hasSuffix(".part") && $0.hasPrefix("step-") }
                let last = try RunFolder(path: stored.path, number: attempt).state().step
                // The file may have got its name between the look at the folder and the kill: then once more.
                if let left {
                    wasInTheMiddle = true
                    // An epoch has 5 steps: the snapshot before the one that was being written is there.
                    #expect(left.hasPrefix("step-\(last + 5).safetensors."))
                }
                let resumed = try stored.resume(WideNet(), on: try richBars(), until: nil, host(home: home))
                #expect(fingerprint(resumed.state) == fingerprint(whole.state))
                #expect(!folderEntries(stored.path).contains { $0.hasSuffix(".part") })
            }
            #expect(wasInTheMiddle)
        }
    }

    @Test func aClassThatWasWrittenAnewGoesOn() throws {
        /// Other layers' classes and order, the same names.
        final class RichNet: Module {
            let output = Dense(3), drop = Dropout(0.2), norm = BatchNorm(), conv = Conv2D(6, kernel: 3, bias: false)
            func callAsFunction(_ images: Tensor) -> Tensor {
                output(drop(maxPool(relu(norm(conv(images))), 2).flattened()))
            }
        }
        try inFolder { home in
            let data = try richBars()
            let whole = try train(TrainingTests.RichNet(), on: data, richSettings(), from: nil, host())
            let broken = try train(
                TrainingTests.RichNet(), on: data, richSettings(), from: nil, host(interruptingAfter: 20))
            let inMemory = try broken.resume(RichNet(), until: nil, host())
            _ = try train(
                TrainingTests.RichNet(), on: data, richSettings(), from: nil, host(home: home, interruptingAfter: 20))
            let fromDisk = try Runs(home: home)[1].resume(RichNet(), on: data, until: nil, host())
            for run in [inMemory, fromDisk] {
                for (name, value) in whole.weights {
                    #expect(run.weights.first { $0.name == name }?.value.scalars == value.scalars, "\(name)")
                }
            }
        }
    }

    @Test func aRunGoesOnFromAnEarlierSnapshot() throws {
        try inFolder { home in
            let data = try richBars()
            var settings = richSettings()
            settings.snapshotsKept = 20
            let whole = try train(RichNet(), on: data, settings, from: nil, host(home: home))
            #expect(try Runs(home: home)[1].snapshots == (1...10).map(Double.init))
            let again = try Runs(home: home)[1].resume(RichNet(), on: data, until: nil, epoch: 4, host(home: home))
            #expect(fingerprint(again.state) == fingerprint(whole.state))
            let missing = #expect(throws: TrainingError.self) { try Runs(home: home)[1].weights(epoch: 3.5) }
            #expect(
                missing?.description.hasPrefix("runs[1] has no snapshot of epoch 3.5; there are those of 1, 2, ")
                    == true)
        }
    }

    @Test func otherAugmentationsAreOtherData() throws {
        try inFolder { home in
            _ = try train(
                RichNet(), on: try richBars(), richSettings(), from: nil, host(home: home, interruptingAfter: 20))
            let error = #expect(throws: TrainingError.self) {
                try Runs(home: home)[1].resume(RichNet(), on: try bars(), until: nil, host(home: home))
            }
            #expect(error?.description.contains("normalised and augmented in the same way") == true)
        }
    }
}

/// The same with so many weights, 0.5 million, that a snapshot of 10 MB takes a while.
private final class WideNet: Module {
    let conv = Conv2D(6, kernel: 3, bias: false), norm = BatchNorm(), drop = Dropout(0.2)
    let hidden = Dense(8_000), output = Dense(3)
    func callAsFunction(_ images: Tensor) -> Tensor {
        output(drop(relu(hidden(maxPool(relu(norm(conv(images))), 2).flattened()))))
    }
}

/// Kills this process while a snapshot is being written aside, the first after step 5 that is caught at it.
private func killWhileWritingASnapshot(in folder: String) {
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            let folder = String(cString: argument!.assumingMemoryBound(to: CChar.self))
            while true {
                for entry in folderEntries(folder)
                where entry.hasPrefix("step-") && entry.hasSuffix(".part") && !entry.hasPrefix("step-5.") {
                    kill(getpid(), SIGKILL)
                }
            }
        }, strdup(folder))
}
