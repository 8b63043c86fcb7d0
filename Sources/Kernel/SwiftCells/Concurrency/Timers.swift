internal import CCells
import Glibc
import Synchronization

/// Calls functions at later times, on a thread of its own.
final class Timers: Sendable {
    private struct Timer {
        var due: ContinuousClock.Instant
        var call: @Sendable () -> Void
    }
    private struct State {
        /// By due time, the next one last.
        var timers: [Timer] = []
        var thread: pid_t?
    }
    private let state = Mutex(State())
    private let gate = Gate()

    func call(after delay: Duration, _ function: @escaping @Sendable () -> Void) {
        let due = ContinuousClock.now + delay
        let isFirst = state.withLock { state in
            let place = state.timers.firstIndex { $0.due <= due } ?? state.timers.count
            state.timers.insert(Timer(due: due, call: function), at: place)
            defer { state.thread = state.thread ?? 0 }
            return state.thread == nil
        }
        if isFirst { start() }
        gate.advance()
    }

    func replace(_ thread: UInt64) {
        if state.withLock({ $0.thread == pid_t(thread) }) { start() }
    }

    private func start() {
        let this = Unmanaged.passUnretained(self).toOpaque()  // lives as long as the process
        _ = ccells_start_worker({ Unmanaged<Timers>.fromOpaque($0!).takeUnretainedValue().work() }, this)
    }

    private func work() {
        state.withLock { $0.thread = ccells_thread_id() }
        while true {
            let seen = gate.generation
            let (due, next) = state.withLock { state -> ([Timer], ContinuousClock.Instant?) in
                var due: [Timer] = []
                while let last = state.timers.last, last.due <= .now { due.append(state.timers.removeLast()) }
                return (due, state.timers.last?.due)
            }
            for timer in due { timer.call() }
            if due.isEmpty { gate.wait(after: seen, limit: next.map { $0 - .now }) }
        }
    }
}
