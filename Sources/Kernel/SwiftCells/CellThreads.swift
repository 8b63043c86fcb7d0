internal import CCells
import Display
import Glibc
import JupyterKernel
import Synchronization

/// Runs compiled cells in this process, one after the other, each on a thread of its own, and survives how they end.
final class CellThreads: Sendable {
    enum Ending {
        case returned
        /// A fault; the thread is parked. The flag: on the thread that ran the cell's top level.
        case trapped(Trap, onTopLevel: Bool)
        case exited(code: Int32)
        case interrupted
    }

    private let reports: Int32
    /// Becomes readable when the user interrupts.
    private let wish: Int32
    private let late: @Sendable (Trap) -> Void

    /// Once a process: installs signal handlers. `late` gets the faults on threads of cells that had ended or were given
    /// up before.
    ///
    /// - Throws: `SystemError` where the system refuses.
    init(late: @escaping @Sendable (Trap) -> Void) throws {
        self.late = late
        reports = ccells_install()
        guard reports >= 0 else { throw SystemError("cannot install the signal handlers") }
        wish = ccells_open_event()
        guard wish >= 0 else { throw SystemError("cannot open an event descriptor") }
    }

    /// Forgets what the user asked of the cell before.
    func forgetInterrupt() {
        clear(wish)
        Interruption.reset()
    }

    /// Asks the running cell to stop; from any thread.
    func interrupt() {
        Interruption.request()
        var one: UInt64 = 1
        _ = write(wish, &one, 8)
    }

    /// 256 MiB of address space, of which only what is used takes memory: deep recursion is a thing people try.
    private static let stackSize = 256 << 20

    /// Runs the entry point `cell_<cell>` of a loaded cell to its end, which comes soon where the user has interrupted
    /// since `forgetInterrupt`. What it shows, and the tasks that it starts, belongs to `output`.
    ///
    /// - Throws: `SystemError` where no thread can be had.
    func run(_ entry: ccells_entry, cell: Int, output: (any CellOutput)?) throws -> Ending {
        final class TopLevel {
            let entry: ccells_entry
            let output: (any CellOutput)?
            init(_ entry: ccells_entry, _ output: (any CellOutput)?) {
                self.entry = entry
                self.output = output
            }
        }
        let top = Unmanaged.passRetained(TopLevel(entry, output))
        let failure = ccells_start(
            { argument in
                let top = Unmanaged<TopLevel>.fromOpaque(argument!).takeRetainedValue()
                RunningCell.$output.withValue(top.output) { ccells_enter(top.entry) }
            }, top.toOpaque(), Int32(cell), Self.stackSize)
        guard failure == 0 else { throw SystemError("cannot start a thread for the cell", code: failure) }
        var stopping = Stopping()
        defer { if stopping.isForced { ccells_interrupt_done() } }
        // How the cell ended, when that happened on another thread than its own, which is still to be stopped.
        var ending: Ending?
        while true {
            var descriptors = [
                pollfd(fd: reports, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wish, events: Int16(POLLIN), revents: 0),
            ]
            poll(&descriptors, 2, stopping.hasBegun ? 10 : -1)
            if descriptors[1].revents != 0 {
                clear(wish)
                stopping.begin()
            }
            if descriptors[0].revents != 0 { clear(reports) }
            while let report = takeReport() {
                if report.kind != CCELLS_RETURNED { Interruption.threadWasAbandoned(UInt64(report.thread)) }
                guard owner(of: report, current: cell) == cell else {
                    noteLate(report)
                    continue
                }
                switch report.kind {
                case CCELLS_RETURNED: return ending ?? .returned
                case CCELLS_INTERRUPTED: return ending ?? .interrupted
                case CCELLS_EXIT: ending = ending ?? .exited(code: report.value)
                default: ending = ending ?? .trapped(Trap(report), onTopLevel: report.is_main)
                }
                if report.is_main, let ending { return ending }
                // The cell's own thread may wait for the one that is gone, and what it does in vain is asked to end.
                Interruption.request()
                stopping.beginForced()
            }
            switch stopping.step(isCooperating: Interruption.isCooperating) {
            case .wait: break
            case .park: _ = ccells_interrupt(false)
            case .parkAnywhere: _ = ccells_interrupt(true)
            }
        }
    }

    /// The cell whose work a thread did. Threads that serve every cell (Dispatch's, the task pool's) are known by the
    /// outermost cell in their calls.
    private func owner(of report: ccells_report, current: Int) -> Int {
        if report.cell != 0 { return Int(report.cell) }
        return Trap(report).frames.reversed().lazy.map { Int(ccells_cell_at($0)) }.first { $0 != 0 } ?? current
    }

    private func noteLate(_ report: ccells_report) {
        switch report.kind {
        case CCELLS_RETURNED, CCELLS_INTERRUPTED, CCELLS_EXIT: break
        default: late(Trap(report))
        }
    }

    /// Reports that came between two cells.
    func collectLateReports() {
        clear(reports)
        while let report = takeReport() {
            if report.kind != CCELLS_RETURNED { Interruption.threadWasAbandoned(UInt64(report.thread)) }
            noteLate(report)
        }
    }

    private func takeReport() -> ccells_report? {
        var report = ccells_report()
        return ccells_take_report(&report) ? report : nil
    }

    private func clear(_ event: Int32) {
        var count: UInt64 = 0
        _ = read(event, &count, 8)
    }
}
