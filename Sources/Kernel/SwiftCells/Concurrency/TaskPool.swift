internal import CCells
import Glibc
import Synchronization
@_spi(ExperimentalScheduling) internal import _Concurrency

/// Runs tasks that belong to no actor of their own, and timers: as many threads as cores, at least two. Where tasks keep
/// all of them for long, with a loop or by waiting for what is no task, more are started, so that every later one runs.
final class TaskPool: TaskExecutor, SchedulingExecutor, Sendable {
    private struct State {
        var jobs = JobQueue()
        /// How many jobs were taken so far.
        var taken = 0
        /// The kernel's ids of the threads that are at work or wait for it.
        var threads: Set<pid_t> = []
        var starting = 0
        var idle: Set<pid_t> = []
        /// Those that have kept others waiting. They have less of the processors from then on, which no system takes back,
        /// so they end with their job.
        var slow: Set<pid_t> = []
        /// Somebody looks before long whether a job was taken.
        var isWatched = false
    }
    private let state = Mutex(State())
    private let gate = Gate()
    private let timers = Timers()
    private static let size = max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Threads cost little while they wait; but each takes its share of the processors.
    private static let most = 256
    /// For how long no job may be taken while some are in line. A hundred endless tasks have threads within 1.2 s.
    private static let patience = Duration.milliseconds(100)

    func enqueue(_ job: consuming ExecutorJob) {
        ccells_hold()
        defer { ccells_release() }
        let job = UnownedJob(job)
        TaskMark.note(job)
        let (isShort, watches, taken) = state.withLock { state in
            state.jobs.append(job)
            let isShort = state.threads.count + state.starting < Self.size
            if isShort { state.starting += 1 }
            let watches = !state.isWatched && state.jobs.count > state.idle.count
            if watches { state.isWatched = true }
            return (isShort, watches, state.taken)
        }
        if isShort { start() }
        gate.advance()
        if watches { watch(since: taken) }
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        let job = UnownedJob(job)
        TaskMark.note(job)
        // The clocks of the standard library count in `Duration`; a clock of the user's own brings its own sleeping.
        timers.call(after: delay as? Duration ?? .zero) { self.enqueue(ExecutorJob(job)) }
    }

    /// Starts a thread in the place of one that was parked.
    func replace(_ thread: UInt64) {
        let wasOurs = state.withLock { state in
            state.idle.remove(pid_t(thread))
            state.slow.remove(pid_t(thread))
            guard state.threads.remove(pid_t(thread)) != nil else { return false }
            let isNeeded = state.threads.count + state.starting < Self.size
            if isNeeded { state.starting += 1 }
            return isNeeded
        }
        if wasOurs { start() }
        timers.replace(thread)
    }

    /// Forgets the jobs of cells that were given up.
    func dropAbandoned() { state.withLock { $0.jobs.dropAbandoned() } }

    private func start() {
        let this = Unmanaged.passUnretained(self).toOpaque()  // lives as long as the process
        _ = ccells_start_worker({ Unmanaged<TaskPool>.fromOpaque($0!).takeUnretainedValue().work() }, this)
    }

    private func watch(since taken: Int) {
        timers.call(after: Self.patience) { self.grow(since: taken) }
    }

    /// Starts half as many threads again where no job was taken for a while although some are in line.
    private func grow(since before: Int) {
        let (more, taken) = state.withLock { state -> (Int, Int?) in
            if state.jobs.isEmpty {
                state.isWatched = false
                return (0, nil)
            }
            let count = state.threads.count + state.starting
            let more = state.taken == before ? max(0, min(max(1, count / 2), Self.most - count)) : 0
            state.starting += more
            if more > 0 {
                for thread in state.threads where !state.idle.contains(thread) && state.slow.insert(thread).inserted {
                    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread), 10)
                }
            }
            return (more, state.taken)
        }
        for _ in 0..<more { start() }
        if let taken { watch(since: taken) }
    }

    private enum Step {
        case run(UnownedJob, cell: Int32)
        case wait
        case leave(isNeeded: Bool)
    }

    private func work() {
        let thread = ccells_thread_id()
        state.withLock { state in
            state.threads.insert(thread)
            state.starting -= 1
        }
        while true {
            let seen = gate.generation
            let step = state.withLock { state -> Step in
                if state.slow.remove(thread) != nil {
                    state.threads.remove(thread)
                    // Somebody has to look at what is in line instead of it.
                    let isNeeded = !state.jobs.isEmpty && state.idle.isEmpty
                    if isNeeded { state.starting += 1 }
                    return .leave(isNeeded: isNeeded)
                }
                if let (job, cell) = state.jobs.take() {
                    state.idle.remove(thread)
                    state.taken &+= 1
                    return .run(job, cell: cell)
                }
                if state.idle.contains(thread) { return .wait }
                // Enough wait for work, however many have some that does not end.
                guard state.idle.count < Self.size else {
                    state.threads.remove(thread)
                    return .leave(isNeeded: false)
                }
                state.idle.insert(thread)
                return .wait
            }
            switch step {
            case .run(let job, let cell):
                ccells_begin_work(cell)
                job.runSynchronously(on: asUnownedTaskExecutor())
                ccells_end_work()
            case .wait: gate.wait(after: seen)
            case .leave(let isNeeded):
                // Not from here: a thread has the priority of the one that starts it.
                if isNeeded { timers.call(after: .zero) { self.start() } }
                return
            }
        }
    }
}
