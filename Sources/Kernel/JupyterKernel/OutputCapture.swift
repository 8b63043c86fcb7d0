@preconcurrency import Glibc
import Synchronization

/// Takes over the process's standard output and standard error, so that what any code prints reaches the notebook:
/// Swift's `print`, C's `printf`, child processes.
public final class OutputCapture: Sendable {
    /// Where standard error went before: the terminal, or the client's log.
    public let originalStandardError: Int32

    private let pipes: [CapturedPipe]
    private let flush: @Sendable () -> Void
    /// Rung while a cell runs.
    private let activity = Bell()
    private let sink: Mutex<@Sendable (OutputStream, String) -> Void>

    /// While a cell runs, text appears so soon after it was printed, also without a line feed.
    private static let flushMicroseconds: UInt32 = 10_000
    /// And so soon what a task prints after its cell has ended.
    private static let idleFlushMilliseconds: Int32 = 200

    /// Takes over descriptors 1 and 2 for the rest of the process's life. `flush` writes out what the C library holds
    /// back; it must return also when a thread has stopped for ever inside `print`.
    public convenience init(
        flush: @escaping @Sendable () -> Void = {
            fflush(stdout)
            fflush(stderr)
        }
    ) throws {
        try self.init(standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO, flush: flush)
        // 64 KB and no flush at each line: 200,000 printed lines are 140 writes instead of 200,000.
        setvbuf(stdout, nil, _IOFBF, 64 << 10)
    }

    /// Takes over any two descriptors.
    init(standardOutput: Int32, standardError: Int32, flush: @escaping @Sendable () -> Void) throws {
        self.flush = flush
        sink = Mutex({ _, _ in })
        flush()
        let output = try CapturedPipe(.stdout, replacing: standardOutput)
        let error = try CapturedPipe(.stderr, replacing: standardError)
        originalStandardError = error.original
        pipes = [output, error]
        for pipe in pipes {
            _ = KernelThread(pipe.stream.rawValue) { while pipe.wait() { self.forward(pipe) } }
        }
        _ = KernelThread("flush") {
            // A thread of its own: flushing waits while a pipe is full, and readers must not.
            while true {
                self.activity.wait(milliseconds: Self.idleFlushMilliseconds)
                usleep(Self.flushMicroseconds)
                flush()
            }
        }
    }

    /// Tells whether a cell runs: what is printed meanwhile is to appear at once.
    public func setActive(_ isActive: Bool) {
        if isActive { activity.ring() } else { activity.silence() }
    }

    /// Where captured text goes from now on. What was printed before goes where it went before.
    public func redirect(to sink: @escaping @Sendable (OutputStream, String) -> Void) {
        drain()
        self.sink.withLock { $0 = sink }
    }

    /// Returns once everything that was printed before the call is forwarded.
    public func drain() {
        flush()
        for pipe in pipes { forward(pipe) }
    }

    /// Gives both descriptors back: what is printed from now on goes where it went before the capture.
    public func stop() {
        drain()
        for pipe in pipes { pipe.restore() }
    }

    private func forward(_ pipe: CapturedPipe) {
        pipe.read { text in
            let sink = sink.withLock { $0 }
            sink(pipe.stream, text)
        }
    }
}

/// `F_SETPIPE_SZ`, which Swift's Glibc module leaves out.
private let fSetPipeSize: Int32 = 1031

/// A pipe in the place of a file descriptor.
private final class CapturedPipe: Sendable {
    let stream: OutputStream
    /// A copy of the descriptor as it was.
    let original: Int32
    private let descriptor: Int32
    private let readingEnd: Int32
    /// Bytes of a character whose end has not come yet. Held while reading *and* forwarding, so that text stays in order.
    private let incomplete = Mutex<[UInt8]>([])

    init(_ stream: OutputStream, replacing descriptor: Int32) throws {
        self.stream = stream
        self.descriptor = descriptor
        original = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0, dup2(ends[1], descriptor) == descriptor else {
            throw OutputCaptureError(stream: stream, reason: String(cString: strerror(errno)))
        }
        close(ends[1])
        readingEnd = ends[0]
        _ = fcntl(readingEnd, F_SETFD, FD_CLOEXEC)
        // As large as the system lets us, so that short bursts do not wait for the reader. May fail; 64 KB do as well.
        _ = fcntl(readingEnd, fSetPipeSize, 1 << 20)
    }

    func restore() { dup2(original, descriptor) }

    /// Waits until there is something to read. False at the end: nobody has the writing end any more.
    func wait() -> Bool {
        var item = pollfd(fd: readingEnd, events: Int16(POLLIN), revents: 0)
        while poll(&item, 1, -1) < 0, errno == EINTR {}
        return item.revents & Int16(POLLIN) != 0
    }

    /// Reads what is there, without waiting, and passes on its whole characters.
    func read(_ forward: (String) -> Void) {
        incomplete.withLock { incomplete in
            // No more than was there when the call came: another thread may print for ever.
            var available: Int32 = 0
            guard ioctl(readingEnd, UInt(FIONREAD), &available) == 0, available > 0 else { return }
            let start = incomplete.count
            let bytes = [UInt8](unsafeUninitializedCapacity: start + Int(available)) { buffer, count in
                _ = buffer.initialize(fromContentsOf: incomplete)
                count = start + max(0, Glibc.read(readingEnd, buffer.baseAddress! + start, Int(available)))
            }
            let end = completeEnd(of: bytes)
            incomplete = Array(bytes[end...])
            if end > 0 { forward(String(decoding: bytes[..<end], as: UTF8.self)) }
        }
    }
}

/// Where the last whole character of UTF-8 `bytes` ends. Bytes that can never be part of one count as whole.
func completeEnd(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
        let byte = bytes[bytes.count - length]
        guard byte & 0xC0 == 0x80 else {
            // A first byte: how many does it announce?
            let announced =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            return announced > length ? bytes.count - length : bytes.count
        }
    }
    return bytes.count
}

/// Why the process's output cannot be captured.
public struct OutputCaptureError: Error, CustomStringConvertible {
    let stream: OutputStream
    let reason: String
    public var description: String { "The kernel cannot capture \(stream.rawValue): \(reason)." }
}
