import Glibc
import Synchronization

/// The helper process as the kernel sees it: a question goes there, an answer or nothing comes back in bounded time.
///
/// The helper may crash, hang or be killed: it is started again, and what it costs is that one answer.
final class CodeService: Sendable {
    private let program: String
    private let library: String

    private struct Helper {
        var process: pid_t
        var socket: Int32
    }
    private struct State {
        var helper: Helper?
        var isShutDown = false
    }
    /// Locked while a question is out: the service answers one at a time.
    private let state = Mutex(State())

    /// - Parameters:
    ///   - program: what is started with the subcommand `CodeServiceProcess.command`; this program, unless a test says
    ///     otherwise.
    ///   - library: the toolchain's `libsourcekitdInProc.so`.
    init(program: String = "/proc/self/exe", library: String) {
        self.program = program
        self.library = library
    }

    /// Asks several things in a row, with no others in between, and returns their answers; `nil` where a helper hung
    /// until the limit, or two of them crashed.
    func ask(_ requests: [SourceKitRequest], within limit: Duration) -> [[UInt8]]? {
        state.withLock { state in
            // The limit is for the answers: whoever waited for the lock waited for another's.
            let deadline = ContinuousClock.now + limit
            // A helper that died may have been dead before it was asked.
            for _ in 1...2 where !state.isShutDown {
                if state.helper == nil { state.helper = start() }
                guard let helper = state.helper else { return nil }
                let answers = requests.prefixMap { request in
                    sendFrame(Array(request.text.utf8), to: helper.socket)
                        ? receiveFrame(helper.socket, deadline: deadline) : nil
                }
                if answers.count == requests.count { return answers }
                end(helper)
                state.helper = nil
                if deadline <= .now { return nil }
            }
            return nil
        }
    }

    func shutdown() {
        state.withLock { state in
            if let helper = state.helper { end(helper) }
            state.helper = nil
            state.isShutDown = true
        }
    }

    private func start() -> Helper? {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO)
        // The service prints what it thinks of the code, which nobody asked for.
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // Its own group: a Ctrl-C in a console is not meant for it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        let words = ["swift-lab", CodeServiceProcess.command, library]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawn(&process, program, &actions, &attributes, &arguments, environ) == 0 else {
            close(ends[0])
            return nil
        }
        return Helper(process: process, socket: ends[0])
    }

    private func end(_ helper: Helper) {
        close(helper.socket)
        kill(helper.process, SIGKILL)
        var status: Int32 = 0
        while waitpid(helper.process, &status, 0) < 0 && errno == EINTR {}
    }
}

extension Array {
    /// The results up to the first `nil`.
    fileprivate func prefixMap<Result>(_ transform: (Element) -> Result?) -> [Result] {
        var results: [Result] = []
        for element in self {
            guard let result = transform(element) else { break }
            results.append(result)
        }
        return results
    }
}
