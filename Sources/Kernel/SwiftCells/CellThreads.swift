internal import CCells
import Display
import Glibc
import Synchronization

/// Runs compiled cells in this process, one after the other, each on a thread of its own, and survives how they end. And
/// callbacks that cells have left, also while a cell runs.
final class CellThreads: Sendable {
    enum Ending {
        case returned
        /// A fault; the thread is parked. The flag: on the thread that ran the cell's top level.
        case trapped(Trap, onTopLevel: Bool)
        /// By the function of that name: `exit`.
        case exited(String, code: Int32)
        case interrupted(mayHoldLock: Bool)
    }

    /// A run under way. A cell's, and beside it those of callbacks.
    private struct Run {
        /// Becomes readable when the user interrupts, or when a report for this run has come.
        var bell: Int32
        var isInterrupted = false
        var reports: [ccells_report] = []
    }
    private let runs = Mutex<[Int: Run]>([:])
    /// Becomes readable with each report.
    private let reports: Int32
    private let late: @Sendable (Trap) -> Void

    /// Once a process: installs signal handlers. `late` gets the faults on threads of cells that had ended or were given
    /// up before.
    ///
    /// - Throws: `SystemError` where the system refuses.
    init(late: @escaping @Sendable (Trap) -> Void) throws {
        self.late = late
        reports = ccells_install()
        guard reports >= 0 else { throw SystemError("cannot install the signal handlers") }
    }

    /// Asks all that runs to stop; from any thread.
    func interrupt() {
        Interruption.request()
        runs.withLock { runs in
            for cell in runs.keys {
                runs[cell]!.isInterrupted = true
                ring(runs[cell]!.bell)
            }
        }
    }

    /// 256 MiB of address space, of which only what is used takes memory: deep recursion is a thing people try.
    private static let stackSize = 256 << 20

    /// Runs `body` on a thread of its own to its end, which comes soon where the user interrupts.
    ///
    /// - Parameters:
    ///   - cell: whose work it is: the number in `cell_<number>`, or one of its own for a callback.
    ///   - isInterrupted: asked once the run can be interrupted: whether it was before.
    /// - Throws: `SystemError` where no thread can be had.
    func run(cell: Int, isInterrupted: () -> Bool, _ body: @escaping () -> Void) throws -> Ending {
        final class Body {
            let run: () -> Void
            init(_ run: @escaping () -> Void) { self.run = run }
        }
        let bell = ccells_open_event()
        guard bell >= 0 else { throw SystemError("cannot open an event descriptor") }
        runs.withLock { $0[cell] = Run(bell: bell) }
        defer {
            _ = runs.withLock { $0.removeValue(forKey: cell) }
            close(bell)
        }
        if isInterrupted() { runs.withLock { $0[cell]!.isInterrupted = true } }
        // 4 bytes a cell: its thread may outlive the run.
        let thread = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
        thread.initialize(to: 0)
        let failure = ccells_start(
            { Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run() },
            Unmanaged.passRetained(Body(body)).toOpaque(), Int32(cell), Self.stackSize, thread)
        guard failure == 0 else { throw SystemError("cannot start a thread for the cell", code: failure) }
        var stopping = Stopping()
        defer { if stopping.isForced { ccells_interrupt_done() } }
        // How the cell ended, when that happened on another thread than its own, which is still to be stopped.
        var ending: Ending?
        /// How often the thread was not there to be asked.
        var isMissing = 0
        while true {
            var descriptors = [
                pollfd(fd: reports, events: Int16(POLLIN), revents: 0),
                pollfd(fd: bell, events: Int16(POLLIN), revents: 0),
            ]
            poll(&descriptors, 2, stopping.hasBegun ? 10 : -1)
            clear(bell)
            distributeReports()
            let (wasInterrupted, own) = runs.withLock { runs in
                defer { runs[cell]!.reports = [] }
                return (runs[cell]!.isInterrupted, runs[cell]!.reports)
            }
            if wasInterrupted { stopping.begin() }
            for report in own {
                switch report.kind {
                case CCELLS_RETURNED: ending = ending ?? .returned
                // A thread that was left behind, of an earlier run with this number; or this one.
                case CCELLS_INTERRUPTED where !report.is_main: continue
                case CCELLS_INTERRUPTED:
                    ending = ending ?? .interrupted(mayHoldLock: report.in_library || report.lock_count > 0)
                case CCELLS_EXIT:
                    ending = ending ?? .exited(Trap(report).runtimeMessage, code: report.value)
                default: ending = ending ?? .trapped(Trap(report), onTopLevel: report.is_main)
                }
                if report.is_main, let ending {
                    leaveBehind(cell, after: ending)
                    return ending
                }
                // The cell's own thread may wait for the one that is gone, and what it does in vain is asked to end.
                Interruption.request()
                stopping.beginForced()
            }
            let step = stopping.step(isCooperating: Interruption.isCooperating)
            if step == .wait { continue }
            isMissing = ccells_interrupt(thread.pointee, step == .parkAnywhere) ? 0 : isMissing + 1
            // Half a second: it is gone without a report, which no function that we know of does.
            if isMissing == 50 { return ending ?? .interrupted(mayHoldLock: false) }
        }
    }

    /// What a cell that was interrupted has left running in tasks and on threads would take the processor from all that
    /// comes, and its output land there. What it started before it returned, failed or called `exit` goes on.
    private func leaveBehind(_ cell: Int, after ending: Ending) {
        guard case .interrupted = ending else { return }
        ccells_abandon(Int32(cell))
        // It may have waited for an older one, in whose endless job on the main actor nobody can be interrupted any more.
        if let occupant = CellExecutors.cellOnMainActor { ccells_abandon(Int32(occupant)) }
        CellExecutors.dropAbandoned()
        if !stopAbandoned() { stopLater() }
    }

    /// An interrupt can end a cell and a callback at once, while threads of an earlier cell are still being stopped.
    private let stopsAbandoned = Mutex<Void>(())

    /// Takes up to 120 ms. False where some have not stopped.
    private func stopAbandoned(byForce: Bool = false) -> Bool {
        // One after the other: the answers of threads are counted, and would be taken for those to another's question.
        let haveStopped = stopsAbandoned.withLock { _ in ccells_stop_abandoned(byForce) }
        distributeReports()
        return haveStopped
    }

    /// Goes on stopping threads that are in long calls of a library, while others run; in the end wherever they are.
    private func stopLater() {
        _ = startThread { [self] in
            for round in 1...Self.rounds {
                usleep(100_000)
                if stopAbandoned(byForce: round == Self.rounds) { break }
            }
        }
    }
    /// With the pauses between them 1.5 s and more, as long as a cell's own thread has in a library's call.
    private static let rounds = 10

    /// The cell whose work a thread did. Threads that serve every cell (Dispatch's, the task pool's) are known by the
    /// outermost cell in their calls.
    private func owner(of report: ccells_report, current: Int?) -> Int? {
        if report.cell != 0 { return Int(report.cell) }
        return Trap(report).frames.reversed().lazy.map { Int(ccells_cell_at($0)) }.first { $0 != 0 } ?? current
    }

    private func noteLate(_ report: ccells_report) {
        switch report.kind {
        case CCELLS_RETURNED, CCELLS_INTERRUPTED, CCELLS_EXIT: break
        default: late(Trap(report))
        }
    }

    /// Hands the reports that have come to the runs that they are for.
    func distributeReports() {
        clear(reports)
        var gone: [UInt64] = []
        // The lock keeps their order, and the ring is read by one thread at a time.
        let others = runs.withLock { runs -> [ccells_report] in
            var others: [ccells_report] = []
            var report = ccells_report()
            while ccells_take_report(&report) {
                if report.kind != CCELLS_RETURNED { gone.append(UInt64(report.thread)) }
                let cell = owner(of: report, current: runs.keys.max())
                guard let cell, runs[cell] != nil else {
                    others.append(report)
                    continue
                }
                runs[cell]!.reports.append(report)
                ring(runs[cell]!.bell)
            }
            return others
        }
        for thread in gone { Interruption.threadWasAbandoned(thread) }
        for report in others { noteLate(report) }
    }

    private func ring(_ event: Int32) {
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    private func clear(_ event: Int32) {
        var count: UInt64 = 0
        _ = read(event, &count, 8)
    }
}
