internal import CLinux
import Glibc

/// Wakes a thread that waits in `poll`, from any other thread. Stays rung until it is silenced.
///
/// An eventfd and not a pair of inproc sockets, because those belong to one thread at either end and replies come
/// from many.
final class Bell: Sendable {
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { fatalError("no more file descriptors: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    func ring() { eventfd_write(descriptor, 1) }

    func silence() {
        var count: eventfd_t = 0
        eventfd_read(descriptor, &count)
    }

    /// Waits for the bell. False after `milliseconds` (-1: never) without it.
    @discardableResult
    func wait(milliseconds: Int32 = -1) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&item, 1, milliseconds)
            if ready >= 0 || errno != EINTR { return ready > 0 }
        }
    }
}
