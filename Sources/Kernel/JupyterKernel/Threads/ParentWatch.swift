import Glibc

/// Notices that the program which started the kernel is gone: without it nobody could ever stop the kernel.
enum ParentWatch {
    private static let intervalMilliseconds: Int32 = 1000

    /// Calls `gone` once the process that Jupyter named in `JPY_PARENT_PID` has ended. Without that variable the kernel was
    /// started by hand, and whoever did so may leave it alone.
    static func start(stopping: Bell, gone: @escaping @Sendable () -> Void) {
        guard let text = getenv("JPY_PARENT_PID"), let parent = pid_t(String(cString: text)), parent > 1 else { return }
        let isDirectParent = getppid() == parent
        _ = KernelThread("parent watch") {
            while !stopping.wait(milliseconds: intervalMilliseconds) {
                // A direct child is adopted when its parent ends. Otherwise (a shell in between) only the id is known.
                let isAlive = isDirectParent ? getppid() == parent : kill(parent, 0) == 0 || errno == EPERM
                if !isAlive { return gone() }
            }
        }
    }
}
