import Synchronization

/// The user's wish to stop what is running, and what long work does about it.
///
/// The host (the kernel) raises the flag; work that takes long looks at it between steps and ends in its own way,
/// keeping what it has: training returns the run as far as it came.
///
///     for step in steps {
///         if Interruption.isRequested { break }
///         …
///     }
public enum Interruption {
    private static let flag = Atomic<Bool>(false)
    private static let handlers = Mutex<[@Sendable (UInt64) -> Void]>([])

    /// True from the user's request until the host starts the next piece of work.
    public static var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Called by the host when the user interrupts.
    public static func request() { flag.store(true, ordering: .relaxed) }

    /// Called by the host before it starts new work.
    public static func reset() {
        flag.store(false, ordering: .relaxed)
        // A thread that was abandoned within its work never said that it ended.
        cooperating.store(0, ordering: .relaxed)
    }

    private static let cooperating = Atomic<Int>(0)

    /// True while work is under way that promised to look at `isRequested`: the host lets it end in its own way.
    public static var isCooperating: Bool { cooperating.load(ordering: .relaxed) > 0 }

    /// Runs work that looks at `isRequested` at least every second or so and then ends in its own way.
    public static func cooperate<Result, Failure>(_ work: () throws(Failure) -> Result) throws(Failure) -> Result {
        cooperating.add(1, ordering: .relaxed)
        defer { cooperating.subtract(1, ordering: .relaxed) }
        return try work()
    }

    /// Throws `Interrupted` if the user has asked to stop.
    public static func check() throws(Interrupted) {
        if isRequested { throw Interrupted() }
    }

    /// Registers what to do when a thread was abandoned in the middle of its work (after a trap, or an interrupt that
    /// it did not heed) and will never run again: free what it held. The handler gets the thread's kernel id (`gettid`)
    /// and runs on another thread.
    public static func onAbandonedThread(_ handler: @escaping @Sendable (_ thread: UInt64) -> Void) {
        handlers.withLock { $0.append(handler) }
    }

    /// Called by the host after it abandoned a thread.
    public static func threadWasAbandoned(_ thread: UInt64) {
        for handler in handlers.withLock({ $0 }) { handler(thread) }
    }
}

/// Thrown by work that the user interrupted.
public struct Interrupted: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "interrupted" }
}
