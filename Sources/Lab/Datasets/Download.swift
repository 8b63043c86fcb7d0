import Display
@preconcurrency internal import Glibc
import Pictures
import Synchronization

/// Fetches public files with `curl`, which every system has and which knows proxies and certificates: bringing
/// Foundation's networking in would cost the start of every kernel more than this file.
enum Download {
    /// Why nothing can be downloaded; found out once, so that an offline machine waits once.
    private static let offline = Mutex<String?>(nil)

    struct Failure: Error {
        var reason: String
    }

    /// Fetches the first of `addresses` that answers, checks its digest and puts it at `path`.
    static func fetch(_ addresses: [String], sha256: String, to path: String) throws(Failure) {
        if let reason = offline.withLock({ $0 }) { throw Failure(reason: reason) }
        var reason = ""
        var wasReached = false
        for address in addresses {
            let part = "\(path).\(getpid()).part"
            defer { unlink(part) }
            let status = run(
                "curl",
                [
                    "--fail", "--silent", "--location", "--proto", "=https", "--connect-timeout", "3", "--max-time",
                    "120",
                    "--speed-limit", "1000", "--speed-time", "5", "--output", part, address,
                ])
            switch status {
            case 0:
                wasReached = true
                guard let bytes = try? readFile(part), SHA256.digest(bytes) == sha256 else {
                    reason = "what \(host(address)) sent is not the file that was meant"
                    continue
                }
                guard rename(part, path) == 0 else { throw Failure(reason: "\(path) cannot be written") }
                return
            case .some(22):
                wasReached = true
                reason = "\(host(address)) does not have the file"
            case .some(5), .some(6), .some(7), .some(28), .some(35): reason = "\(host(address)) cannot be reached"
            case .some(let code): reason = "curl failed with code \(code)"
            case nil: reason = Interruption.isRequested ? "interrupted" : "curl is not installed"
            }
            if Interruption.isRequested { throw Failure(reason: reason) }
        }
        if !wasReached { offline.withLock { $0 = reason } }
        throw Failure(reason: reason)
    }

    private static func host(_ address: String) -> Substring {
        address.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).dropFirst().first ?? ""
    }

    /// Runs a program without input and output and waits for it. The exit status; `nil` where it could not be started,
    /// or was ended because the user interrupted.
    private static func run(_ program: String, _ arguments: [String]) -> Int32? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var list: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for argument in list { free(argument) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, program, &actions, nil, &list, environ) == 0 else { return nil }
        var status: Int32 = 0
        while true {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process { break }
            if ended < 0 && errno != EINTR { return nil }
            if Interruption.isRequested {
                kill(process, SIGTERM)
                while waitpid(process, &status, 0) < 0 && errno == EINTR {}
                return nil
            }
            usleep(5_000)
        }
        // WIFEXITED and WEXITSTATUS, which are macros.
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
    }
}
