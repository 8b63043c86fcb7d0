@preconcurrency import Glibc
import Synchronization

/// Takes over the process's standard output and standard error, so that what any code prints reaches the notebook.
///
/// Text comes in two ways. What is printed through the C library (Swift's `print`, C's `printf`) is passed on by the
/// thread that prints it, so that it is known whose it is. What goes past it to the descriptors (`write`, child
/// processes) comes through a pipe, a new one for each cell.
public final class OutputCapture: Sendable {
    /// Where standard error went before: the terminal, or the client's log.
    public let originalStandardError: Int32

    private let descriptors: [CapturedDescriptor]
    private let streams: [PrintedStream]

    /// Takes over descriptors 1 and 2, and the C library's streams, for the rest of the process's life.
    public convenience init() throws {
        fflush(stdout)
        fflush(stderr)
        try self.init(standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO, replacingStreams: true)
    }

    /// Takes over any two descriptors.
    init(standardOutput: Int32, standardError: Int32, replacingStreams: Bool = false) throws {
        let output = try CapturedDescriptor(.stdout, replacing: standardOutput)
        let error = try CapturedDescriptor(.stderr, replacing: standardError)
        originalStandardError = error.original
        descriptors = [output, error]
        streams = replacingStreams ? descriptors.map { PrintedStream(before: $0) } : []
        for stream in streams { try stream.install() }
    }

    /// Where the text that comes through the descriptors goes from now on. What was written before goes where it went
    /// before, and so does what processes write that were started before.
    public func redirect(to sink: @escaping @Sendable (OutputStream, UnsafeRawBufferPointer) -> Void) {
        for stream in streams { stream.reset() }
        for descriptor in descriptors { descriptor.redirect(to: sink) }
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
                    if stream.shouldLook(before: bytes), stream.descriptor.hasText { stream.descriptor.forward() }
                    sink(stream.descriptor.stream, bytes)
                }
            }
        }
    }

    /// Returns once everything that was written before the call, since the last `redirect`, is forwarded.
    public func drain() {
        for descriptor in descriptors { descriptor.forward() }
    }

    /// Gives descriptors and streams back: what is printed from now on goes where it went before the capture.
    public func stop() {
        for stream in streams { stream.restore() }
        drain()
        for descriptor in descriptors { descriptor.restore() }
    }
}

/// Why the process's output cannot be captured.
public struct OutputCaptureError: Error, CustomStringConvertible {
    let stream: OutputStream
    let reason: String
    public var description: String { "The kernel cannot capture \(stream.rawValue): \(reason)." }
}
