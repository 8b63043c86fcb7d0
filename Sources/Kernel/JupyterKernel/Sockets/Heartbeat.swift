/// Echoes what clients send, on a thread that does nothing else: a client that hears no echo takes the kernel for dead.
final class Heartbeat: Sendable {
    private let thread: KernelThread

    init(_ socket: ZeroMQSocket) {
        thread = KernelThread("heartbeat") {
            socket.echo()
            socket.close()
        }
    }

    /// Waits for the end, which comes when the context is shut down.
    func join() { thread.join() }
}
