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
        private let parts = Mutex<[OutputStream: [UInt8]]>([:])
        @Sendable func add(_ stream: OutputStream, _ bytes: UnsafeRawBufferPointer) {
            parts.withLock { $0[stream, default: []] += bytes }
        }
        func all(_ stream: OutputStream = .stdout) -> String {
            String(decoding: parts.withLock { $0[stream] ?? [] }, as: UTF8.self)
        }
    }

    init() throws {
        capture = try OutputCapture(standardOutput: descriptors.0, standardError: descriptors.1)
        capture.redirect(to: text.add)
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

    @Test func textGoesWhereItWentWhenItWasWritten() {
        let later = Captured()
        write(Array("before".utf8))
        capture.redirect(to: later.add)
        write(Array("after".utf8))
        capture.drain()
        #expect(text.all() == "before")
        #expect(later.all() == "after")
    }

    @Test func aChildGoesOnToWriteToWhereItsCellWrote() {
        let later = Captured()
        let inherited = dup(descriptors.0)
        capture.redirect(to: later.add)
        write(Array("of the child\n".utf8), to: inherited)
        write(Array("of the later cell\n".utf8))
        capture.drain()
        #expect(later.all() == "of the later cell\n")
        // The child's comes by the reading thread.
        for _ in 0..<1000 where text.all().isEmpty { usleep(1000) }
        #expect(text.all() == "of the child\n")
        close(inherited)
    }

    @Test func aDescriptorIsGivenBack() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let capture = try OutputCapture(standardOutput: ends[1], standardError: descriptors.1)
        capture.redirect(to: text.add)
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

    /// The C library's streams: text belongs to the thread that prints it, and comes whole.
    @Test func whatIsPrintedIsPassedOnByTheThreadThatPrintsIt() throws {
        let captured = try CapturedDescriptor(.stdout, replacing: descriptors.0)
        let stream = PrintedStream(before: captured)
        nonisolated(unsafe) let file = try stream.open()
        let byThread = Mutex<[pthread_t: String]>([:])
        stream.pass { bytes in
            byThread.withLock { $0[pthread_self(), default: ""] += String(decoding: bytes, as: UTF8.self) }
        }
        // None ends before all have printed: a thread that comes later would get the same identity.
        let done = Mutex(0)
        let threads = (0..<4).map { number in
            KernelThread("printer") {
                for line in 0..<1_000 { fputs("thread \(number), line \(line)\n", file) }
                done.withLock { $0 += 1 }
                while done.withLock({ $0 }) < 4 { sched_yield() }
            }
        }
        for thread in threads { thread.join() }
        let printed = byThread.withLock { $0.values.sorted() }
        let expected = (0..<4).map { number in (0..<1_000).map { "thread \(number), line \($0)\n" }.joined() }
        #expect(printed == expected)
        #expect(fileno(file) == descriptors.0)
    }

    @Test func aChildThatWasForkedPrintsThroughTheDescriptor() throws {
        let captured = try CapturedDescriptor(.stdout, replacing: descriptors.0)
        captured.redirect(to: text.add)
        let stream = PrintedStream(before: captured)
        let file = try stream.open()
        stream.pass { _ in Issue.record("the child's text came to its own copy of the kernel") }
        // Swift leaves `fork` out, because few functions may be called in the child. These two may.
        let fork = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> pid_t).self)
        let child = fork()
        if child == 0 {
            fputs("from a child\n", file)
            _exit(0)
        }
        waitpid(child, nil, 0)
        captured.forward()
        #expect(text.all() == "from a child\n")
    }
}
