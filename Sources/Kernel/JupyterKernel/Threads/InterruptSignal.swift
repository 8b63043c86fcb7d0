import Glibc

/// Turns SIGINT into a call on an ordinary thread, where more is allowed than in a signal handler.
enum InterruptSignal {
    private static let bell = Bell()

    /// Calls `handler` at every SIGINT from now on.
    static func start(_ handler: @escaping @Sendable () -> Void) {
        _ = KernelThread("interrupt") {
            while true {
                bell.wait()
                bell.silence()
                handler()
            }
        }
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            let error = errno
            InterruptSignal.bell.ring()
            errno = error
        }
        // System calls that others make go on.
        action.sa_flags = SA_RESTART
        sigaction(SIGINT, &action, nil)
    }
}
