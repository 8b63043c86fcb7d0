import Display
@_spi(ExperimentalCustomExecutors) internal import _Concurrency

/// Where the tasks of cells run. The runtime's own executors do not survive that a thread is parked: two traps in tasks
/// on two cores, and every later task hung. These replace a thread that is gone.
struct CellExecutors: ExecutorFactory {
    private static let main = MainActorQueue()
    private static let pool = TaskPool()

    static var mainExecutor: any MainExecutor { main }
    static var defaultExecutor: any TaskExecutor { pool }

    /// Once, before the first task of the process.
    static func install() {
        _createExecutors(factory: Self.self)
        Interruption.onAbandonedThread { thread in
            main.replace(thread)
            pool.replace(thread)
        }
    }

    /// Whatever is left to do of a task that was abandoned is dropped: the rest of a cell must not run after its end.
    static func abandon(_ task: UInt) { main.abandon(task) }

    /// Whatever is left to do of the tasks of cells that were given up is dropped.
    static func dropAbandoned() {
        main.dropAbandoned()
        pool.dropAbandoned()
    }

    /// The cell that keeps the main actor to itself now, if any does.
    static var cellOnMainActor: Int? { main.occupyingCell }
}
