internal import CLinux
@preconcurrency import Glibc
import Synchronization

/// A stream in the place of the C library's `stdout` or `stderr`, whose text is passed on by the thread that prints it.
///
/// It holds nothing back: text of two threads would mix in its buffer, and nobody would know whose is whose.
final class PrintedStream: Sendable {
    /// Not the bare function: a lock's content is generic, and a function that is read from there and put back is
    /// wrapped once more each time.
    private struct Receiver {
        var pass: @Sendable (UnsafeRawBufferPointer) -> Void
    }

    /// The way of what does not go through this stream.
    let descriptor: CapturedDescriptor
    private let receiver = Mutex<Receiver?>(nil)
    /// The C library's own, while this one stands in its place.
    private let original = Mutex<CStream?>(nil)
    private let isInLine = Atomic<Bool>(false)
    private let linesSinceReset = Atomic<Int>(0)

    private struct CStream: @unchecked Sendable { let file: UnsafeMutablePointer<FILE>? }

    /// True in a child that was forked and goes on without `exec`: there nobody sends what the kernel's queue gets.
    private static let isForked = Atomic<Bool>(false)
    private static let notesForks: Void = {
        pthread_atfork(nil, nil) { PrintedStream.isForked.store(true, ordering: .relaxed) }
    }()

    init(before descriptor: CapturedDescriptor) {
        self.descriptor = descriptor
        _ = Self.notesForks
    }

    /// `pass` gets all text from now on. Before that it goes to the descriptor.
    func pass(_ pass: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        receiver.withLock { $0 = Receiver(pass: pass) }
    }

    /// What C code prints to. Lives as long as the process.
    func open() throws -> UnsafeMutablePointer<FILE> {
        let file = linux_open_stream(Unmanaged.passRetained(self).toOpaque()) { cookie, bytes, count in
            let stream = Unmanaged<PrintedStream>.fromOpaque(cookie!).takeUnretainedValue()
            stream.write(UnsafeRawBufferPointer(start: bytes, count: count))
            return count
        }
        guard let file else {
            throw OutputCaptureError(stream: descriptor.stream, reason: String(cString: strerror(errno)))
        }
        setvbuf(file, nil, _IONBF, 0)
        // Code that asks `stdout` for its descriptor still gets one.
        file.pointee._fileno = descriptor.descriptor
        return file
    }

    /// Takes the place of the C library's stream.
    func install() throws {
        let file = try open()
        let replaced = descriptor.stream == .stdout ? stdout : stderr
        if descriptor.stream == .stdout { stdout = file } else { stderr = file }
        // Whoever kept the old one (C++'s `cout`) writes to the descriptor, and at once.
        setvbuf(replaced, nil, _IONBF, 0)
        let original = CStream(file: replaced)
        self.original.withLock { $0 = original }
    }

    func restore() {
        guard let original = original.withLock({ $0 }) else { return }
        if descriptor.stream == .stdout { stdout = original.file } else { stderr = original.file }
    }

    /// Whether to look for text that went past this stream, before `bytes` are passed on: at the beginning of a line.
    /// In a flood, where the 0.3 µs of a look count, at every 64th.
    func shouldLook(before bytes: UnsafeRawBufferPointer) -> Bool {
        guard !isInLine.exchange(bytes.last != UInt8(ascii: "\n"), ordering: .relaxed) else { return false }
        let lines = linesSinceReset.add(1, ordering: .relaxed).newValue
        return lines < 10_000 || lines % 64 == 0
    }

    /// Another cell begins.
    func reset() { linesSinceReset.store(0, ordering: .relaxed) }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        if !Self.isForked.load(ordering: .relaxed), let receiver = receiver.withLock({ $0 }) {
            return receiver.pass(bytes)
        }
        _ = Glibc.write(descriptor.descriptor, bytes.baseAddress, bytes.count)
    }
}
