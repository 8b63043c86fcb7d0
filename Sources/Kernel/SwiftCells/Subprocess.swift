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

        fileprivate static let stopped = Result(status: 128 + SIGKILL, output: "", wasStopped: true)
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
        defer { close(ends[0]) }
        let process = try state.withLock { state -> pid_t? in
            defer { close(ends[1]) }
            if state.isStopped { return nil }
            state.process = try spawn(program, arguments, actions: &actions)
            return state.process
        }
        guard let process else { return .stopped }
        var output: [UInt8] = []
        while readSome(of: ends[0], into: &output) {}
        let status = waitForEnd(of: process)
        let signal = status & 0x7f
        return Result(
            status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: String(decoding: output, as: UTF8.self),
            wasStopped: noteEnd())
    }

    /// Runs a tool that has been started ahead to its end; `nil` where it ended without saying how, and was not stopped.
    ///
    /// - Parameter going: is called when the tool has got the rest of its work.
    func finish(_ tool: StartedTool, with text: [UInt8]? = nil, going: () -> Void = {}) -> Result? {
        guard let process = tool.process() else { return nil }
        let isStopped = state.withLock { state in
            if state.isStopped { kill(-process, SIGKILL) } else { state.process = process }
            return state.isStopped
        }
        if isStopped { return .stopped }
        if let text { tool.goOn(with: text) }
        going()
        let end = tool.finish()
        let wasStopped = noteEnd()
        if wasStopped { return .stopped }
        return end.map { Result(status: $0.status, output: $0.output, wasStopped: false) }
    }

    private func noteEnd() -> Bool {
        state.withLock { state in
            state.process = 0
            return state.isStopped
        }
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

/// Starts a program. Its own group, so that a Ctrl-C in a console stops the cell and not the compiler behind the kernel's
/// back.
///
/// - Throws: `SystemError` where it cannot be started.
func spawn(
    _ program: String, name: String? = nil, _ arguments: [String], actions: inout posix_spawn_file_actions_t,
    preloading library: String? = nil
) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var argv: [UnsafeMutablePointer<CChar>?] = ([name ?? program] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    let preload = library.flatMap { strdup("LD_PRELOAD=" + $0) }
    defer { free(preload) }
    var environment: [UnsafeMutablePointer<CChar>?] = []
    for variable in sequence(first: environ, next: { $0 + 1 }) {
        guard let text = variable.pointee else { break }
        if preload == nil || strncmp(text, "LD_PRELOAD=", 11) != 0 { environment.append(text) }
    }
    if let preload { environment.append(preload) }
    environment.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(&process, program, &actions, &attributes, &argv, &environment)
    if failure != 0 { throw SystemError("cannot start \(program)", code: failure) }
    return process
}

/// The status with which a child of this process ended, once it has.
@discardableResult
func waitForEnd(of process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status
}

/// Appends what there is to read, waiting for it where the descriptor waits. False at the end, or where nothing is left.
func readSome(of descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
    var count = 0
    withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { buffer in
        repeat { count = read(descriptor, buffer.baseAddress!, buffer.count) } while count < 0 && errno == EINTR
        bytes += buffer[..<max(count, 0)]
    }
    return count > 0
}

/// A failed system call, with what the system says of it.
struct SystemError: Error, CustomStringConvertible {
    let description: String
    init(_ what: String, code: Int32 = errno) { description = "\(what): \(String(cString: strerror(code)))" }
}
