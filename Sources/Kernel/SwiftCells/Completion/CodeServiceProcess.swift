internal import CLinux
import Glibc

/// The helper process: answers requests about code until its kernel is gone.
///
/// Requests come and answers go over one socket, each behind its length (4 bytes, little-endian).
public enum CodeServiceProcess {
    /// The hidden subcommand of the program that the kernel starts the helper with.
    public static let command = "code-service"

    /// Serves the socket that is the standard input.
    public static func run(library: String) -> Never {
        leaveWithKernel()
        guard let sourceKit = SourceKit(library: library) else { _exit(2) }
        while let request = receiveFrame(STDIN_FILENO, deadline: nil) {
            guard sendFrame(sourceKit.answer(String(decoding: request, as: UTF8.self)), to: STDIN_FILENO) else { break }
        }
        _exit(0)
    }

    /// Ends this process when the other end of the socket closes, also while a request is being answered.
    private static func leaveWithKernel() {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                linux_set_thread_name("kernel watch")
                var descriptor = pollfd(fd: STDIN_FILENO, events: 0, revents: 0)
                while poll(&descriptor, 1, -1) <= 0 {}
                _exit(0)
            }, nil)
        pthread_detach(thread)
    }
}

/// - Returns: false where the other end is gone.
func sendFrame(_ body: [UInt8], to socket: Int32) -> Bool {
    var bytes = withUnsafeBytes(of: UInt32(body.count).littleEndian) { Array($0) } + body
    return bytes.withUnsafeMutableBytes { raw in
        var sent = 0
        while sent < raw.count {
            let count = send(socket, raw.baseAddress! + sent, raw.count - sent, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }
}

/// - Returns: `nil` where the other end is gone, or the deadline has passed.
func receiveFrame(_ socket: Int32, deadline: ContinuousClock.Instant?) -> [UInt8]? {
    guard let header = receive(4, from: socket, deadline) else { return nil }
    let count = header.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
    return receive(Int(count), from: socket, deadline)
}

private func receive(_ count: Int, from socket: Int32, _ deadline: ContinuousClock.Instant?) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var received = 0
    while received < count {
        if let deadline {
            let left = deadline - .now
            guard left > .zero else { return nil }
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, Int32(milliseconds) + 1) <= 0 { continue }
        }
        let got = bytes.withUnsafeMutableBytes { read(socket, $0.baseAddress! + received, count - received) }
        if got < 0 && errno == EINTR { continue }
        if got <= 0 { return nil }
        received += got
    }
    return bytes
}
