internal import CLinux
import Glibc
import Synchronization

/// A thread with a name, as `top -H` and debuggers show it (15 characters at most).
final class KernelThread: Sendable {
    private let end = Bell()

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        final class Start {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let end = end
        let start = Start {
            linux_set_thread_name(name)
            body()
            end.ring()
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        // Deeply nested JSON is decoded on these threads; the default depends on the shell's limits.
        pthread_attr_setstacksize(&attributes, 8 << 20)
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { argument in
                Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        guard error == 0 else { fatalError("no thread \(name): \(String(cString: strerror(error)))") }
        pthread_detach(thread)
    }

    /// Waits for the thread's end. False if it did not come in time (-1: waits however long it takes).
    @discardableResult
    func join(milliseconds: Int32 = -1) -> Bool { end.wait(milliseconds: milliseconds) }
}
