@preconcurrency import Glibc
import Synchronization

/// Takes over the process's standard output and standard error, so that what any code prints reaches the notebook.
///
/// Text comes in two ways. What is printed through the C library (Swift's `print`, C's `printf`) is passed on by the
/// thread that prints it, so that it is known whose it is. What goes past it to the descriptors (`write`, child
/// processes) comes through a pipe, and belongs to whatever runs.
public final class OutputCapture: Sendable {
    /// Where standard error went before: the terminal, or the client's log.
    public let originalStandardError: Int32

    private let pipes: [CapturedPipe]
    private let streams: [PrintedStream]
    private let sink: Mutex<Sink>

    private struct Sink {
        var take: @Sendable (OutputStream, UnsafeRawBufferPointer) -> Void
    }

    /// Takes over descriptors 1 and 2, and the C library's streams, for the rest of the process's life.
    public convenience init() throws {
        fflush(stdout)
        fflush(stderr)
        try self.init(standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO, replacingStreams: true)
    }

    /// Takes over any two descriptors.
    init(standardOutput: Int32, standardError: Int32, replacingStreams: Bool = false) throws {
        sink = Mutex(Sink { _, _ in })
        let output = try CapturedPipe(.stdout, replacing: standardOutput)
        let error = try CapturedPipe(.stderr, replacing: standardError)
        originalStandardError = error.original
        pipes = [output, error]
        streams = replacingStreams ? pipes.map { PrintedStream(before: $0) } : []
        for stream in streams { try stream.install() }
        for pipe in pipes {
            _ = KernelThread(pipe.stream.rawValue) { while pipe.wait() { self.forward(pipe) } }
        }
    }

    /// Where the text that comes through the descriptors goes from now on. What was written before goes where it went
    /// before.
    public func redirect(to sink: @escaping @Sendable (OutputStream, UnsafeRawBufferPointer) -> Void) {
        drain()
        for stream in streams { stream.reset() }
        self.sink.withLock { $0 = Sink(take: sink) }
    }

    /// Where the text that is printed goes from now on: `sink` is called on the printing thread, shielded by
    /// `interpreter`. Before this call it goes the way of the rest.
    func passPrinted(
        shieldedBy interpreter: any Interpreter,
        to sink: @escaping @Sendable (OutputStream, UnsafeRawBufferPointer) -> Void
    ) {
        for stream in streams {
            stream.pass { bytes in
                interpreter.shielded {
                    // What went past the library before this line has to come before it.
                    if stream.shouldLook(before: bytes), stream.pipe.hasText { self.forward(stream.pipe) }
                    sink(stream.pipe.stream, bytes)
                }
            }
        }
    }

    /// Returns once everything that was written before the call is forwarded.
    public func drain() {
        for pipe in pipes { forward(pipe) }
    }

    /// Gives descriptors and streams back: what is printed from now on goes where it went before the capture.
    public func stop() {
        for stream in streams { stream.restore() }
        drain()
        for pipe in pipes { pipe.restore() }
    }

    private func forward(_ pipe: CapturedPipe) {
        pipe.read { bytes in
            let sink = sink.withLock { $0 }
            sink.take(pipe.stream, bytes)
        }
    }
}

/// Why the process's output cannot be captured.
public struct OutputCaptureError: Error, CustomStringConvertible {
    let stream: OutputStream
    let reason: String
    public var description: String { "The kernel cannot capture \(stream.rawValue): \(reason)." }
}
