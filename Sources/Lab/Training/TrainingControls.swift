import Synchronization

/// What acts on a run while it goes on: from another thread or task, or from what the user turns.
///
///     let controls = TrainingControls()
///     Task.detached {
///         try await Task.sleep(for: .seconds(60))
///         controls.stop()
///     }
///     let run = try train(LeNet(), on: data, settings, controls: controls)
///
/// `.live` puts widgets into the notebook. The run looks at them between two steps. A run whose rate was turned by hand goes on
/// exactly all the same, because its snapshots keep the factor; but the same settings alone do not repeat it.
public final class TrainingControls: Sendable {
    struct State: Sendable {
        var rateFactor: Double?
        var isPaused = false
        var wantsSnapshot = false
        var isStopped = false
    }
    private let state = Mutex(State())
    /// Whether the run shows widgets that turn them.
    let areShown: Bool

    public convenience init() { self.init(areShown: false) }

    init(areShown: Bool) { self.areShown = areShown }

    /// What the learning rate is multiplied by from the next step on; `nil` until somebody turns it.
    public var rateFactor: Double? {
        get { state.withLock { $0.rateFactor } }
        set { state.withLock { $0.rateFactor = newValue.map { $0.isFinite && $0 >= 0 ? $0 : 1 } } }
    }

    /// While it is true the run waits; it can be stopped meanwhile.
    public var isPaused: Bool {
        get { state.withLock { $0.isPaused } }
        set { state.withLock { $0.isPaused = newValue } }
    }

    /// Keeps the state of the run after the present step.
    public func takeSnapshot() { state.withLock { $0.wantsSnapshot = true } }

    /// Ends the run after the present step, as an interrupt does: what was learned is kept.
    public func stop() { state.withLock { $0.isStopped = true } }

    /// What is wanted now. The wish for a snapshot is taken by whoever asks.
    func read() -> State {
        state.withLock { state in
            defer { state.wantsSnapshot = false }
            return state
        }
    }
}
