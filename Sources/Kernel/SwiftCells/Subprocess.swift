internal import CLinux
import Glibc
import Synchronization

/// Runs one tool of the toolchain at a time, to its end, and can be stopped from another thread: what is running then,
/// and all that is asked for before `forgetStop`.
///
/// `posix_spawn` by hand: a cell runs two tools, and Foundation's `Process` would cost more than the linker.
final class Subprocess: Sendable {
    private struct State {
        var process: pid_t = 0
        var isStopped = false
    }
    private let state = Mutex(State())

    struct Result {
        /// The exit status; 128 and the signal's number where a signal ended it.
        var status: Int32
        /// What it wrote to its standard output and error.
        var output: String
        /// Whether `stop` ended it.
        var wasStopped: Bool
    }

    /// Runs a program to its end.
    ///
    /// - Parameter showsOutput: whether it writes to this process's own output, which the notebook shows, instead of
    ///   into the result.
    /// - Throws: `SystemError` where the program cannot be started.
    func run(_ program: String, _ arguments: [String], showsOutput: Bool = false) throws -> Result {
        var ends: [Int32] = [0, 0]
        // Closed in children from the start: another that is started meanwhile and keeps an end would keep this one open.
        guard linux_open_pipe(&ends) == 0 else { throw SystemError("cannot open a pipe for \(program)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        if !showsOutput {
            posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
            posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
        }
        // Its own group, so that a Ctrl-C in a console stops the cell and not the compiler behind the kernel's back.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        var process: pid_t = 0
        let failure = state.withLock { state -> Int32 in
            if state.isStopped { return ECANCELED }
            let failure = posix_spawn(&process, program, &actions, &attributes, &argv, environ)
            state.process = failure == 0 ? process : 0
            return failure
        }
        close(ends[1])
        guard failure == 0 else {
            close(ends[0])
            if failure == ECANCELED { return Result(status: 128 + SIGKILL, output: "", wasStopped: true) }
            throw SystemError("cannot start \(program)", code: failure)
        }
        let output = readToEnd(ends[0])
        close(ends[0])
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let wasStopped = state.withLock { state in
            state.process = 0
            return state.isStopped
        }
        let signal = status & 0x7f
        return Result(status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: output, wasStopped: wasStopped)
    }

    /// Tools may run again.
    func forgetStop() { state.withLock { $0.isStopped = false } }

    /// Ends the tool that is running, and those that would be started next.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            guard state.process != 0 else { return }
            kill(-state.process, SIGKILL)  // and all that it has started
        }
    }
}

/// Reads until the other end is closed; what is no UTF-8 is replaced.
private func readToEnd(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count > 0 { bytes += buffer[..<count] } else if count == 0 || errno != EINTR { break }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A failed system call, with what the system says of it.
struct SystemError: Error, CustomStringConvertible {
    let description: String
    init(_ what: String, code: Int32 = errno) { description = "\(what): \(String(cString: strerror(code)))" }
}
