import Glibc
public import Logging

/// Writes the kernel's log, a line each, to a file descriptor: to the original standard error, because the one that the
/// process has now belongs to the cells.
public struct KernelLog: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    private let label: String
    private let descriptor: Int32

    public init(label: String, descriptor: Int32, level: Logger.Level = .info) {
        self.label = label
        self.descriptor = descriptor
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let line = Array("[\(label)] \(event.level): \(event.message)\n".utf8)
        // One write: lines of several threads do not mix.
        _ = write(descriptor, line, line.count)
    }
}
