internal import CCells
import Display
import Glibc
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

    /// A fault on a thread of a cell that had ended or was given up before.
    struct LateTrap {
        var cell: Int
        var trap: Trap
    }

    private let reports: Int32
    /// Becomes readable when the user interrupts.
    private let wish: Int32
    private let late: @Sendable (LateTrap) -> Void

    /// Once a process: installs signal handlers.
    ///
    /// - Throws: `SystemError` where the system refuses.
    init(late: @escaping @Sendable (LateTrap) -> Void) throws {
        self.late = late
        reports = ccells_install()
        guard reports >= 0 else { throw SystemError("cannot install the signal handlers") }
        wish = ccells_open_event()
        guard wish >= 0 else { throw SystemError("cannot open an event descriptor") }
    }

    /// Asks the running cell to stop; from any thread.
    func interrupt() {
        Interruption.request()
        var one: UInt64 = 1
        _ = write(wish, &one, 8)
    }

    /// 256 MiB of address space, of which only what is used takes memory: deep recursion is a thing people try.
    private static let stackSize = 256 << 20

    /// Runs the entry point `cell_<cell>` of a loaded cell to its end.
    ///
    /// - Throws: `SystemError` where no thread can be had.
    func run(_ entry: ccells_entry, cell: Int) throws -> Ending {
        clear(wish)
        Interruption.reset()
        let failure = ccells_start(entry, Int32(cell), Self.stackSize)
        guard failure == 0 else { throw SystemError("cannot start a thread for the cell", code: failure) }
        var stopping = Stopping()
        defer { if stopping.isForced { ccells_interrupt_done() } }
        var firstTrap: Trap?
        while true {
            var descriptors = [
                pollfd(fd: reports, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wish, events: Int16(POLLIN), revents: 0),
            ]
            poll(&descriptors, 2, stopping.timeout)
            if descriptors[1].revents != 0 {
                clear(wish)
                stopping.begin()
            }
            if descriptors[0].revents != 0 { clear(reports) }
            while let report = takeReport() {
                let isLate = report.cell != 0 && report.cell != cell
                if report.kind == CCELLS_RETURNED {
                    if !isLate { return firstTrap.map { .trapped($0, onTopLevel: false) } ?? .returned }
                    continue
                }
                Interruption.threadWasAbandoned(UInt64(report.thread))
                if isLate {
                    late(LateTrap(cell: Int(report.cell), trap: Trap(report)))
                } else if report.kind == CCELLS_INTERRUPTED {
                    return firstTrap.map { .trapped($0, onTopLevel: false) } ?? .interrupted
                } else if report.kind == CCELLS_EXIT {
                    return .exited(code: report.value)
                } else if report.is_main {
                    return .trapped(firstTrap ?? Trap(report), onTopLevel: firstTrap == nil)
                } else if firstTrap == nil {
                    // The cell's own thread may wait for the one that is gone.
                    firstTrap = Trap(report)
                    stopping.beginForced()
                }
            }
            stopping.step()
        }
    }

    /// Reports that came between two cells.
    func collectLateReports() {
        clear(reports)
        while let report = takeReport() {
            if report.kind == CCELLS_RETURNED { continue }
            Interruption.threadWasAbandoned(UInt64(report.thread))
            if report.kind != CCELLS_INTERRUPTED { late(LateTrap(cell: Int(report.cell), trap: Trap(report))) }
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

/// The way from a wish to stop to the end of a thread: first the cell is asked, then parked where that harms nothing
/// else, at last parked anyway.
private struct Stopping {
    private var began: ContinuousClock.Instant?
    private(set) var isForced = false

    /// How long a cell that looks at `Interruption` has, when none of its steps says that it cooperates.
    private static let patience = Duration.milliseconds(80)
    /// How long a library call may take to come back into the cell before its thread is parked inside it.
    private static let limit = Duration.milliseconds(1500)
    /// How long a step that promised to look at `Interruption` may take.
    private static let cooperativeLimit = Duration.seconds(20)

    mutating func begin() { if began == nil { began = .now } }

    mutating func beginForced() {
        if began == nil { began = .now - Self.patience }
    }

    /// For `poll`, in milliseconds.
    var timeout: Int32 { began == nil ? -1 : 10 }

    mutating func step() {
        guard let start = began else { return }
        let elapsed = ContinuousClock.now - start
        if Interruption.isCooperating, elapsed < Self.cooperativeLimit {
            // It will stop by itself, and what comes after it in the cell starts a patience of its own.
            began = max(start, .now - Self.patience / 2)
            if elapsed > Self.cooperativeLimit { began = start }
            return
        }
        guard elapsed >= Self.patience else { return }
        isForced = true
        _ = ccells_interrupt(true, elapsed >= Self.limit)
    }
}
