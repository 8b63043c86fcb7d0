import Glibc
import Synchronization

/// The helper process as the kernel sees it: a question goes there, an answer or nothing comes back in bounded time.
///
/// The helper may crash, hang or be killed: it is started again, and what it costs is that one answer.
final class CodeService: Sendable {
    private let program: String
    private let library: String

    private struct State {
        var helper: HelperProcess?
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
                helper.end()
                state.helper = nil
                if deadline <= .now { return nil }
            }
            return nil
        }
    }

    func shutdown() {
        state.withLock { state in
            if let helper = state.helper { helper.end() }
            state.helper = nil
            state.isShutDown = true
        }
    }

    private func start() -> HelperProcess? {
        HelperProcess(program, name: "swift-lab", [CodeServiceProcess.command, library], takesPackets: false)
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
