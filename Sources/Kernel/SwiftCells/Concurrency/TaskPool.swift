internal import CCells
import Glibc
import Synchronization
@_spi(ExperimentalScheduling) internal import _Concurrency

/// Runs tasks that belong to no actor of their own, and timers: as many threads as cores, at least two.
final class TaskPool: TaskExecutor, SchedulingExecutor, Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        /// The kernel's ids of the threads that are at work or wait for it.
        var threads: Set<pid_t> = []
        var starting = 0
    }
    private let state = Mutex(State())
    private let gate = Gate()
    private let timers = Timers()
    private static let size = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isShort = state.withLock { state in
            state.jobs.append(job)
            guard state.threads.count + state.starting < Self.size else { return false }
            state.starting += 1
            return true
        }
        if isShort { start() }
        gate.advance()
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        let job = UnownedJob(job)
        // The clocks of the standard library count in `Duration`; a clock of the user's own brings its own sleeping.
        timers.call(after: delay as? Duration ?? .zero) { self.enqueue(ExecutorJob(job)) }
    }

    /// Starts a thread in the place of one that was parked.
    func replace(_ thread: UInt64) {
        let wasOurs = state.withLock { state in
            guard state.threads.remove(pid_t(thread)) != nil else { return false }
            state.starting += 1
            return true
        }
        if wasOurs { start() }
        timers.replace(thread)
    }

    private func start() {
        let this = Unmanaged.passUnretained(self).toOpaque()  // lives as long as the process
        _ = ccells_start_worker({ Unmanaged<TaskPool>.fromOpaque($0!).takeUnretainedValue().work() }, this)
    }

    private func work() {
        state.withLock { state in
            state.threads.insert(ccells_thread_id())
            state.starting -= 1
        }
        while true {
            let seen = gate.generation
            if let job = state.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) {
                ccells_begin_work()
                job.runSynchronously(on: asUnownedTaskExecutor())
            } else {
                gate.wait(after: seen)
            }
        }
    }
}
