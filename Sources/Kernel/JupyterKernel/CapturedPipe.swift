internal import CLinux
import Glibc
import Synchronization

/// A pipe in the place of a file descriptor.
final class CapturedPipe: Sendable {
    let stream: OutputStream
    /// A copy of the descriptor as it was.
    let original: Int32
    let descriptor: Int32
    private let readingEnd: Int32
    /// Held while reading *and* forwarding, so that text stays in order.
    private let reading = Mutex<Void>(())

    /// `F_SETPIPE_SZ`, which Swift's Glibc module leaves out.
    private static let fSetPipeSize: Int32 = 1031

    init(_ stream: OutputStream, replacing descriptor: Int32) throws {
        self.stream = stream
        self.descriptor = descriptor
        original = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        var ends: [Int32] = [0, 0]
        guard linux_open_pipe(&ends) == 0, dup2(ends[1], descriptor) == descriptor else {
            throw OutputCaptureError(stream: stream, reason: String(cString: strerror(errno)))
        }
        close(ends[1])
        readingEnd = ends[0]
        // As large as the system lets us, so that short bursts do not wait for the reader. May fail; 64 KB do as well.
        _ = fcntl(readingEnd, Self.fSetPipeSize, 1 << 20)
    }

    func restore() { dup2(original, descriptor) }

    /// Waits until there is something to read. False at the end: nobody has the writing end any more.
    func wait() -> Bool {
        var item = pollfd(fd: readingEnd, events: Int16(POLLIN), revents: 0)
        while poll(&item, 1, -1) < 0, errno == EINTR {}
        return item.revents & Int16(POLLIN) != 0
    }

    private var available: Int {
        var available: Int32 = 0
        return ioctl(readingEnd, UInt(FIONREAD), &available) == 0 ? Int(available) : 0
    }

    var hasText: Bool { available > 0 }

    /// Reads what is there, without waiting, and passes it on.
    func read(_ forward: (UnsafeRawBufferPointer) -> Void) {
        reading.withLock { _ in
            // No more than was there when the call came: another thread may write for ever.
            let available = available
            guard available > 0 else { return }
            withUnsafeTemporaryAllocation(byteCount: available, alignment: 1) { buffer in
                let count = Glibc.read(readingEnd, buffer.baseAddress, available)
                if count > 0 { forward(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            }
        }
    }
}
