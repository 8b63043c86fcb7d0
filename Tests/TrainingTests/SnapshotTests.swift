import Datasets
import Display
import Foundation
import NeuralNetworks
import Tensors
import Testing

@testable import Training

/// Whatever happens to a snapshot, the last good one is there, and what happened is said in one sentence.
@Suite struct SnapshotTests {
    private func settings(epochs: Int) -> Hyperparameters {
        var settings = Hyperparameters()
        settings.epochs = epochs
        settings.batchSize = 48
        settings.learningRate = .fixed(0.05)
        return settings
    }

    @Test func aSnapshotThatIsCutShortAtAnyByteIsRefused() throws {
        try inFolder { home in
            let data = try bars()
            _ = try train(SmallNet(), on: data, settings(epochs: 2), from: nil, host(home: home))
            let folder = RunFolder(path: "\(home)/1", number: 1)
            let path = "\(home)/1/step-6.safetensors"
            let whole = try readFile(path)
            var accepted: [Int] = []
            for length in 0..<whole.count
            where (try? Safetensors(bytes: Array(whole.prefix(length)), name: "cut")) != nil { accepted.append(length) }
            #expect(accepted == [])
            // Through the file, at lengths in the header's length, in the header, in the numbers and one byte before the end.
            for length in [0, 5, 200, whole.count / 2, whole.count - 1] {
                try writeFile(Array(whole.prefix(length)), to: path)
                let error = #expect(throws: FileError.self) { try folder.state() }
                #expect(error?.description.hasPrefix("\(path): ") == true)
                #expect(
                    error?.description.hasSuffix("the snapshot before is there: give epoch: 1 to start from it") == true
                )
            }
            #expect(try Runs(home: home)[1].load(SmallNet(), on: data, epoch: 1).epochs == 1)
        }
    }

    @Test func aBitThatTurnsOverIsNoticed() throws {
        try inFolder { home in
            let data = try bars()
            _ = try train(SmallNet(), on: data, settings(epochs: 1), from: nil, host(home: home))
            let folder = RunFolder(path: "\(home)/1", number: 1)
            let path = "\(home)/1/step-3.safetensors"
            let whole = try readFile(path)
            let state = fingerprint(try folder.state())
            // One bit of every byte, the next bit each time. What is read all the same has to be what was written: the header
            // ends with spaces that mean nothing.
            var wrong: [Int] = []
            for place in whole.indices {
                var damaged = whole
                damaged[place] ^= 1 << UInt8(place % 8)
                guard let file = try? Safetensors(bytes: damaged, name: "damaged"), file.fitsChecksum else { continue }
                if file.tensors.map(\.value.scalars) != (try Safetensors(bytes: whole).tensors.map(\.value.scalars)) {
                    wrong.append(place)
                }
            }
            #expect(wrong == [])
            var damaged = whole
            damaged[whole.count - 5] ^= 64
            try writeFile(damaged, to: path)
            let error = #expect(throws: FileError.self) { try folder.state() }
            #expect(
                error?.description
                    == "\(path): is damaged: its content does not fit its checksum; there is no snapshot before it, and runs[1].clone trains anew with its settings"
            )
            try writeFile(whole, to: path)
            #expect(fingerprint(try folder.state()) == state)
        }
    }

    @Test func onlyTheLastSnapshotsAndTheBestOneStay() throws {
        try inFolder { home in
            let folder = RunFolder(path: home, number: 1)
            let record = RunRecord(SmallNet(), try bars(), settings(epochs: 7), number: 1, name: "")
            var history = History()
            // The best validation is that of epoch 3, and epoch 6 is as good but later.
            for (epoch, accuracy) in [0.5, 0.6, 0.9, 0.7, 0.8, 0.9, 0.8].enumerated() {
                let step = (epoch + 1) * 10
                history.validations.append(
                    History.Validation(epoch: Double(epoch + 1), loss: 1, accuracy: accuracy))
                var state = TrainingState()
                state.step = step
                try folder.write(record, state)
                folder.removeOldSnapshots(keeping: 2, at: step, stepsPerEpoch: 10, history)
            }
            #expect(folder.snapshots == [30, 60, 70])
            // The run goes on from epoch 3 another way: what lay ahead is of another course.
            folder.removeOldSnapshots(keeping: 2, at: 30, stepsPerEpoch: 10, history)
            #expect(folder.snapshots == [30])
        }
    }

    @Test func aRunNotesWhatHappened() throws {
        try inFolder { home in
            _ = try train(SmallNet(), on: try bars(), settings(epochs: 2), from: nil, name: "first", host(home: home))
            let stored = try Runs(home: home)[1]
            let lines = stored.log.split(separator: "\n")
            #expect(lines.first?.contains("begins: SmallNet with ") == true)
            #expect(lines.contains { $0.contains("epoch 2, training loss ") && $0.contains("; snapshot of ") })
            #expect(lines.last?.hasSuffix("complete") == true)
            #expect(stored.environment == Environment.current(on: .cpu))
            #expect(stored.environment?.description.contains(" cores, ") == true)
        }
    }

    @Test(.enabled(if: SmallDisk.canBeMade, "a file system cannot be mounted here"))
    func aDiskThatFillsUpLeavesTheLastGoodSnapshot() throws {
        // Room for run.json, metrics.csv, log.txt and about a dozen snapshots of 8 KB.
        let disk = try #require(SmallDisk(kilobytes: 128))
        defer { disk.remove() }
        let data = try bars()
        var settings = settings(epochs: 40)
        settings.snapshotsKept = 100
        let error = #expect(throws: TrainingError.self) {
            try train(SmallNet(), on: data, settings, from: nil, host(home: disk.path))
        }
        let sentence = error?.description ?? ""
        #expect(sentence.contains("could not be written (\(disk.path)/1/"))
        #expect(sentence.contains("No space left on device"))
        #expect(sentence.hasSuffix("runs[1].resume goes on from it. Make room, or set snapshotInterval = 0."))
        #expect(!folderEntries("\(disk.path)/1").contains { $0.hasSuffix(".part") }, "nothing is left half-written")
        let folder = RunFolder(path: "\(disk.path)/1", number: 1)
        let last = try folder.state()
        #expect(last.step > 3 && last.step < 120)
        let status = try Runs(home: disk.path)[1].status
        #expect(status == "failed")
        // Room is made, and the run goes on to the same weights.
        for step in folder.snapshots.dropLast() { unlink("\(disk.path)/1/step-\(step).safetensors") }
        settings.snapshotsKept = 1
        var record = try folder.record()
        record.settings = settings
        try folder.write(record)
        let resumed = try Runs(home: disk.path)[1].resume(SmallNet(), on: data, until: nil, host(home: disk.path))
        let whole = try train(SmallNet(), on: data, settings, from: nil, host())
        #expect(weights(resumed) == weights(whole))
    }

    @Test func aFileThatMayNotGrowIsAFullDiskToo() async throws {
        try await inFolderOfProcesses { home in
            let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
                [home = home as String] in
                // Everything but a snapshot of 130 KB fits into 50,000 bytes.
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: 50_000, rlim_max: 50_000)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                let net = Sequential {
                    Flatten()
                    Dense(500)
                    Dense(3)
                }
                do {
                    _ = try train(net, on: try bars(), Hyperparameters(), from: nil, host(home: home))
                } catch {
                    print(error)
                }
            }
            let sentence = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
            #expect(sentence.contains("could not be written") && sentence.contains("File too large"), "\(sentence)")
            #expect(!folderEntries("\(home)/1").contains { $0.hasSuffix(".part") })
            let status = try Runs(home: home)[1].status
            #expect(status == "failed")
        }
    }
}

/// A file system in memory that is soon full.
private struct SmallDisk {
    let path: String

    static let canBeMade: Bool = {
        guard let disk = SmallDisk(kilobytes: 16) else { return false }
        disk.remove()
        return true
    }()

    init?(kilobytes: Int) {
        path = "/tmp/swift-lab-disk-\(UInt32.random(in: 0...UInt32.max))"
        guard mkdir(path, 0o777) == 0 else { return nil }
        guard run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path) else {
            rmdir(path)
            return nil
        }
    }

    func remove() {
        _ = run("umount", path)
        rmdir(path)
    }

    private func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
