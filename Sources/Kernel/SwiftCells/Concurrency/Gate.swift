internal import CCells

/// What threads wait on for something to change, looking again each time: nothing is held while they wait, so a thread
/// can be parked there.
///
///     while true {
///         let seen = gate.generation
///         if let job = takeJob() { run(job) } else { gate.wait(after: seen) }
///     }
final class Gate: Sendable {
    private nonisolated(unsafe) let word: UnsafeMutablePointer<Int32>

    init() {
        word = .allocate(capacity: 1)
        word.initialize(to: 0)
    }

    deinit { word.deallocate() }

    /// To be read before looking whether there is something to do.
    var generation: Int32 { ccells_generation(word) }

    /// Something changed: all that wait look again.
    func advance() { ccells_advance(word) }

    /// Waits until something changed after `generation` was read, or `limit` has passed. May return before.
    func wait(after generation: Int32, limit: Duration? = nil) {
        // `Task.sleep(nanoseconds: .max)` is 584 years, which the system counts in no Int64.
        let nanoseconds = limit.map { Int64(min(max($0, .zero), .seconds(3600)) / .nanoseconds(1)) } ?? -1
        ccells_wait(word, generation, nanoseconds)
    }
}
