internal import CLinux
import Display
import Glibc
import Synchronization

/// A tool of the toolchain that has made its start before there is work for it: a process that stops before its `main`
/// and forks a child for each piece of work. `prestart.c` is the other side.
final class PrestartedTool: Sendable {
    private struct State {
        var server: HelperProcess?
        /// How many times in a row it had gone, or a child of its said nothing.
        var failures = 0
    }
    private let state = Mutex(State())
    private let program: String
    /// What is preloaded; `nil` where that cannot be.
    private let library: String?

    /// - Parameter library: what `prestart.c` was made into.
    init(_ program: String, library: String) {
        self.program = program
        // The loader takes both for the end of a name.
        self.library = fileExists(library) && !library.contains(where: { $0 == " " || $0 == ":" }) ? library : nil
    }

    deinit { state.withLock { Self.end(&$0.server) } }

    /// Ends the process and its children.
    func shutdown() {
        state.withLock { state in
            Self.end(&state.server)
            state.failures = Self.mostFailures
        }
    }

    /// Begins a piece of work, or `nil` where that must be done in another way.
    ///
    /// - Parameters:
    ///   - path: where the tool opens this file it stops until it is told to go on.
    ///   - text: the file whose text it gets only then. It has to be there, with the size that the text may have at most.
    func begin(_ arguments: [String], stoppingAt path: String = "", textOf text: String = "") -> StartedTool? {
        var output: [Int32] = [-1, -1]
        var talk: [Int32] = [-1, -1]
        guard linux_open_pipe(&output) == 0 else { return nil }
        defer { close(output[1]) }
        guard linux_open_sockets(&talk, 0) == 0 else {
            close(output[0])
            return nil
        }
        defer { close(talk[1]) }
        let started = StartedTool(output: output[0], talk: talk[0])
        let message = ([path, text] + arguments).flatMap { string -> [UInt8] in Array(string.utf8) + [0] }
        let isSent = state.withLock { state -> Bool in
            // A server that was killed is noticed here, and another takes its place.
            for _ in 0..<2 {
                guard let server = server(&state) else { return false }
                if linux_send_with_descriptors(server.socket, message, message.count, output[1], talk[1]) == 0 {
                    return true
                }
                Self.end(&state.server)
                state.failures += 1
            }
            return false
        }
        return isSent ? started : nil
    }

    /// Notes how a piece of work ended. A tool that keeps dying is not started ahead again.
    func note(failed: Bool) {
        state.withLock { state in
            guard state.failures < Self.mostFailures else { return }
            state.failures = failed ? state.failures + 1 : 0
            if state.failures == Self.mostFailures { Self.end(&state.server) }
        }
    }

    private static let mostFailures = 5

    private func server(_ state: inout State) -> HelperProcess? {
        if let server = state.server { return server }
        guard let library, state.failures < Self.mostFailures else { return nil }
        state.server = HelperProcess(program, takesPackets: true, preloading: library)
        if state.server == nil { state.failures = Self.mostFailures }
        return state.server
    }

    private static func end(_ server: inout HelperProcess?) {
        server?.end()
        server = nil
    }
}

/// A tool at work, or one that waits for the rest of its work. It ends when nobody refers to it.
final class StartedTool: Sendable {
    fileprivate let output: Int32
    fileprivate let talk: Int32

    fileprivate init(output: Int32, talk: Int32) {
        self.output = output
        self.talk = talk
    }

    deinit {
        // Its process ends when it finds the other end closed, or with its first word.
        close(output)
        close(talk)
    }

    /// Its process, once that runs; `nil` where it has ended.
    func process() -> pid_t? {
        var number: Int32 = 0
        while true {
            let count = recv(talk, &number, 4, Int32(MSG_WAITALL))
            if count < 0, errno == EINTR { continue }
            return count == 4 ? number : nil
        }
    }

    /// Lets it go on, with the text that it waits for.
    func goOn(with text: [UInt8] = []) {
        let size = UInt32(text.count)
        let message = withUnsafeBytes(of: size, Array.init) + text
        var sent = 0
        while sent < message.count {
            let count = message.withUnsafeBytes {
                send(talk, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            // One that has ended shows when it is asked for its status.
            if count < 0, errno != EINTR { return }
            sent += max(count, 0)
        }
    }

    /// Its exit status and what it wrote; `nil` where it ended without a status.
    func finish() -> (status: Int32, output: String)? {
        var bytes: [UInt8] = []
        var isOpen = true
        while true {
            var descriptors = [
                pollfd(fd: talk, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? output : -1, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&descriptors, 2, -1) < 0 { continue }
            if descriptors[1].revents != 0 { isOpen = readSome(of: output, into: &bytes) }
            guard descriptors[0].revents != 0 else { continue }
            var status: Int32 = 0
            let count = recv(talk, &status, 4, Int32(MSG_WAITALL))
            if count < 0, errno == EINTR { continue }
            guard count == 4 else { return nil }
            // What it wrote before it sent the status is there by now.
            _ = fcntl(output, F_SETFL, O_NONBLOCK)
            while readSome(of: output, into: &bytes) {}
            return (status, String(decoding: bytes, as: UTF8.self))
        }
    }
}
