internal import CLinux
import Glibc

/// A program that runs beside this process, and whose standard input is a socket that this process holds the other end
/// of. It is to end when that is closed.
struct HelperProcess {
    let process: pid_t
    let socket: Int32

    /// `nil` where it cannot be started. What it prints nobody asked for.
    ///
    /// - Parameters:
    ///   - name: what it finds as its own.
    ///   - takesPackets: whether the socket is one of packets, or else of streams.
    init?(
        _ program: String, name: String? = nil, _ arguments: [String] = [], takesPackets: Bool,
        preloading library: String? = nil
    ) {
        var ends: [Int32] = [-1, -1]
        guard linux_open_sockets(&ends, takesPackets ? 1 : 0) == 0 else { return nil }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        guard let process = try? spawn(program, name: name, arguments, actions: &actions, preloading: library) else {
            close(ends[0])
            return nil
        }
        self.process = process
        socket = ends[0]
    }

    func end() {
        close(socket)
        kill(process, SIGKILL)
        waitForEnd(of: process)
    }
}
