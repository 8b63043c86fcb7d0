internal import CLinux
import Glibc
import Synchronization

/// A pipe in the place of a file descriptor, and where what is written to it goes.
final class CapturedPipe: Sendable {
    typealias Sink = @Sendable (OutputStream, UnsafeRawBufferPointer) -> Void

    let stream: OutputStream
    fileprivate let readingEnd: Int32
    private let sink: Sink
    /// Held while reading *and* forwarding, so that text stays in order.
    private let reading = Mutex<Void>(())

    /// `F_SETPIPE_SZ`, which Swift's Glibc module leaves out.
    private static let fSetPipeSize: Int32 = 1031

    /// Puts a new pipe in the place of `descriptor`.
    init(_ stream: OutputStream, replacing descriptor: Int32, sink: @escaping Sink) throws {
        self.stream = stream
        self.sink = sink
        var ends: [Int32] = [0, 0]
        guard linux_open_pipe(&ends) == 0 else {
            throw OutputCaptureError(stream: stream, reason: String(cString: strerror(errno)))
        }
        defer { close(ends[1]) }
        readingEnd = ends[0]
        guard dup2(ends[1], descriptor) == descriptor else {
            throw OutputCaptureError(stream: stream, reason: String(cString: strerror(errno)))
        }
        // As large as the system lets us, so that short bursts do not wait for the reader. May fail; 64 KB do as well.
        _ = fcntl(readingEnd, Self.fSetPipeSize, 1 << 20)
    }

    deinit { close(readingEnd) }

    private var available: Int {
        var available: Int32 = 0
        return ioctl(readingEnd, UInt(FIONREAD), &available) == 0 ? Int(available) : 0
    }

    var hasText: Bool { available > 0 }

    /// Passes on what is there, without waiting.
    func forward() {
        reading.withLock { _ in
            // No more than was there when the call came: another thread may write for ever.
            let available = available
            guard available > 0 else { return }
            withUnsafeTemporaryAllocation(byteCount: available, alignment: 1) { buffer in
                let count = Glibc.read(readingEnd, buffer.baseAddress, available)
                if count > 0 { sink(stream, UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            }
        }
    }
}

/// A file descriptor in whose place a pipe stands: another one for each cell, so that what child processes have inherited
/// goes on to lead to the cell that started them.
final class CapturedDescriptor: Sendable {
    let stream: OutputStream
    /// A copy of the descriptor as it was.
    let original: Int32
    let descriptor: Int32
    private let pipe: Mutex<CapturedPipe>

    init(_ stream: OutputStream, replacing descriptor: Int32) throws {
        self.stream = stream
        self.descriptor = descriptor
        original = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        pipe = Mutex(try CapturedPipe(stream, replacing: descriptor) { _, _ in })
    }

    private var current: CapturedPipe { pipe.withLock { $0 } }

    /// Where what is written from now on goes. Where no pipe can be had, that is where it went before.
    func redirect(to sink: @escaping CapturedPipe.Sink) {
        current.forward()
        guard let next = try? CapturedPipe(stream, replacing: descriptor, sink: sink) else { return }
        let older = pipe.withLock { pipe in
            defer { pipe = next }
            return pipe
        }
        PipeReader.shared.add(older)
        PipeReader.shared.add(next)
    }

    var hasText: Bool { current.hasText }

    /// Returns once everything that was written since the last `redirect` is passed on.
    func forward() { current.forward() }

    func restore() { dup2(original, descriptor) }
}

/// Passes on what comes through pipes, from a thread of its own, until nobody can write to them any more.
private final class PipeReader: Sendable {
    static let shared = PipeReader()

    private let pipes = Mutex<[Int32: CapturedPipe]>([:])
    private let watch = linux_open_watch()

    private init() {
        _ = KernelThread("output") { [self] in while true { readNext() } }
    }

    func add(_ pipe: CapturedPipe) {
        pipes.withLock { pipes in
            guard pipes.updateValue(pipe, forKey: pipe.readingEnd) == nil else { return }
            linux_watch(watch, pipe.readingEnd)
        }
    }

    private func readNext() {
        var canRead = false
        let descriptor = linux_wait_watched(watch, &canRead)
        guard let pipe = pipes.withLock({ $0[descriptor] }) else { return }
        if canRead { return pipe.forward() }
        // Its end: whoever had the other end has closed it.
        pipes.withLock { pipes in
            linux_unwatch(watch, descriptor)
            pipes[descriptor] = nil
        }
    }
}
