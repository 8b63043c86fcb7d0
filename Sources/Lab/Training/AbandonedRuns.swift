import Display
import Synchronization
import Tensors

/// What is to be done for a run whose thread will never go on: the network trapped within a step, say.
enum AbandonedRuns {
    private static let endings = Mutex<[UInt64: [@Sendable () -> Void]]>([:])
    private static let listens: Void = Interruption.onAbandonedThread { thread in
        for ending in endings.withLock({ $0.removeValue(forKey: thread) }) ?? [] { ending() }
    }

    /// Does work of this thread; should the thread be abandoned meanwhile, `ending` is called on another one.
    static func during<Result>(
        _ work: () throws -> Result, orElse ending: @escaping @Sendable () -> Void
    ) rethrows -> Result {
        _ = listens
        let thread = Interruption.callingThread
        endings.withLock { $0[thread, default: []].append(ending) }
        defer { endings.withLock { _ = $0[thread]?.popLast() } }
        return try work()
    }
}
