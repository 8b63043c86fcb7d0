import Glibc
import Synchronization
import Testing

@testable import JupyterKernel

@Suite struct OutputCaptureTests {
    /// Two descriptors in the place of 1 and 2, which belong to the test's own output.
    private let descriptors = (open("/dev/null", O_WRONLY), open("/dev/null", O_WRONLY))
    private let capture: OutputCapture
    private let text = Captured()

    private final class Captured: Sendable {
        let parts = Mutex<[(OutputStream, String)]>([])
        func all(_ stream: OutputStream = .stdout) -> String {
            parts.withLock { $0.filter { $0.0 == stream }.map(\.1).joined() }
        }
    }

    init() throws {
        capture = try OutputCapture(standardOutput: descriptors.0, standardError: descriptors.1, flush: {})
        capture.redirect { [text] stream, part in text.parts.withLock { $0.append((stream, part)) } }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32? = nil) {
        _ = Glibc.write(descriptor ?? descriptors.0, bytes, bytes.count)
    }

    @Test func whatWasWrittenIsThereAfterADrain() {
        for number in 0..<1000 {
            write(Array("\(number)\n".utf8))
            capture.drain()
            #expect(text.all().hasSuffix("\(number)\n"))
        }
        #expect(text.all() == (0..<1000).map { "\($0)\n" }.joined())
    }

    @Test func theTwoStreamsAreToldApart() {
        write(Array("out".utf8))
        write(Array("error".utf8), to: descriptors.1)
        capture.drain()
        #expect(text.all(.stdout) == "out")
        #expect(text.all(.stderr) == "error")
    }

    @Test func charactersAreNeverTornApart() {
        let all = "aé€🙂👍🏽"
        for byte in all.utf8 {
            write([byte])
            capture.drain()
        }
        #expect(text.all() == all)
        #expect(text.parts.withLock { $0.allSatisfy { !$0.1.contains("\u{FFFD}") } })
    }

    @Test func bytesThatAreNoTextAreShownAsSuch() {
        write([0x61, 0xFF, 0x62, 0x80, 0x63])
        capture.drain()
        #expect(text.all() == "a\u{FFFD}b\u{FFFD}c")
    }

    @Test(
        arguments: [
            ([], 0), ([0x61], 1), ([0x61, 0xC3], 1), ([0xC3, 0xA9], 2), ([0xE2, 0x82], 0),
            ([0x61, 0xF0, 0x9F, 0x99], 1),
            ([0xF0, 0x9F, 0x99, 0x82], 4), ([0x80, 0x80, 0x80, 0x80], 4), ([0xFF], 1),
        ] as [([UInt8], Int)])
    func theLastWholeCharacterIsFound(bytes: [UInt8], end: Int) {
        #expect(completeEnd(of: bytes) == end)
    }

    @Test func textGoesWhereItWentWhenItWasWritten() {
        let later = Captured()
        write(Array("before".utf8))
        capture.redirect { stream, part in later.parts.withLock { $0.append((stream, part)) } }
        write(Array("after".utf8))
        capture.drain()
        #expect(text.all() == "before")
        #expect(later.all() == "after")
    }

    @Test func aDescriptorIsGivenBack() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let capture = try OutputCapture(standardOutput: ends[1], standardError: descriptors.1, flush: {})
        capture.redirect { [text] stream, part in text.parts.withLock { $0.append((stream, part)) } }
        write(Array("captured".utf8), to: ends[1])
        capture.stop()
        write(Array("free".utf8), to: ends[1])
        var bytes = [UInt8](repeating: 0, count: 100)
        #expect(read(ends[0], &bytes, 100) == 4)
        #expect(bytes.starts(with: Array("free".utf8)))
        #expect(text.all() == "captured")
    }

    @Test func aFloodFromSeveralThreadsIsWhole() {
        let line = Array((String(repeating: "x", count: 99) + "\n").utf8)
        let threads = (0..<4).map { _ in
            KernelThread("writer") { for _ in 0..<5_000 { write(line) } }
        }
        for thread in threads { thread.join() }
        capture.drain()
        // 4 threads, 5,000 lines of 100 bytes each. Writes of less than 4 KB to a pipe are not mixed (POSIX).
        #expect(text.all().utf8.count == 4 * 5_000 * 100)
        #expect(text.all().split(separator: "\n").allSatisfy { $0.utf8.count == 99 })
    }
}
