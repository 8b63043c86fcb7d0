internal import CCells
import Glibc
import Synchronization
@_spi(ExperimentalCustomExecutors) internal import _Concurrency

/// Runs what belongs to the main actor, one job after the other: on the thread of a cell whose top level awaits while one
/// runs, else on a thread of its own.
final class MainActorQueue: MainExecutor, Sendable {
    private struct State {
        var jobs = JobQueue()
        /// The thread that is in a job.
        var occupant: pid_t?
        /// The cell whose job that is; 0 where it is not known.
        var occupyingCell: Int32 = 0
        /// The cell's thread that takes all jobs while it is there.
        var host: pid_t?
        var hasThread = false
        /// Their memory is never given back, so no later task has the same address: a word for each cell that awaited.
        var abandoned: Set<UInt> = []
    }
    private let state = Mutex(State())
    private let gate = Gate()

    func enqueue(_ job: consuming ExecutorJob) {
        ccells_hold()
        defer { ccells_release() }
        let job = UnownedJob(job)
        TaskMark.note(job)
        let isFirst = state.withLock { state in
            state.jobs.append(job)
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if isFirst { start() }
        gate.advance()
    }

    /// Called on a cell's thread when its top level awaits for the first time. Never returns: the end of the top level
    /// is a call of `exit`, which parks the thread.
    func run() throws {
        ccells_top_level_waits()
        state.withLock { $0.host = ccells_thread_id() }
        gate.advance()
        work(asHost: true)
    }

    func stop() {}

    var isMainExecutor: Bool { true }

    func checkIsolated() {
        if state.withLock({ $0.occupant }) != ccells_thread_id() {
            fatalError("this code has to run on the main actor")
        }
    }

    func isIsolatingCurrentContext() -> Bool? { state.withLock { $0.occupant } == ccells_thread_id() }

    /// A parked thread is in no job any more.
    func replace(_ thread: UInt64) {
        let (wasOccupant, wasHost) = state.withLock { state in
            let wasOccupant = state.occupant == pid_t(thread)
            let wasHost = state.host == pid_t(thread)
            if wasOccupant { state.occupant = nil }
            if wasHost { state.host = nil }
            return (wasOccupant, wasHost)
        }
        if wasOccupant && !wasHost { start() }
        gate.advance()
    }

    func abandon(_ task: UInt) {
        state.withLock { state in
            state.abandoned.insert(task)
            state.jobs.drop { unsafeBitCast($0, to: UInt.self) == task }
        }
    }

    /// Forgets the jobs of cells that were given up.
    func dropAbandoned() { state.withLock { $0.jobs.dropAbandoned() } }

    /// The cell whose job is under way, and keeps all others waiting; `nil` where there is none.
    var occupyingCell: Int? {
        state.withLock { $0.occupant == nil || $0.occupyingCell == 0 ? nil : Int($0.occupyingCell) }
    }

    private func start() {
        let this = Unmanaged.passUnretained(self).toOpaque()  // lives as long as the process
        _ = ccells_start_worker(
            { Unmanaged<MainActorQueue>.fromOpaque($0!).takeUnretainedValue().work(asHost: false) }, this)
    }

    private func work(asHost: Bool) {
        let thread = ccells_thread_id()
        while true {
            let seen = gate.generation
            let next = state.withLock { state -> (job: UnownedJob, cell: Int32)? in
                guard state.occupant == nil, state.host == (asHost ? thread : nil), let next = state.jobs.take()
                else { return nil }
                state.occupant = thread
                state.occupyingCell = next.cell
                return next
            }
            guard let (job, cell) = next else {
                gate.wait(after: seen)
                continue
            }
            let isDropped = state.withLock { $0.abandoned.contains(unsafeBitCast(job, to: UInt.self)) }
            ccells_begin_work(cell)
            if !isDropped { job.runSynchronously(on: asUnownedSerialExecutor()) }
            ccells_end_work()
            state.withLock { $0.occupant = nil }
            // Who was waiting for this one to end, or for a job that came meanwhile, looks again.
            gate.advance()
        }
    }
}
