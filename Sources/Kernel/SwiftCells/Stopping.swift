/// The way from a wish to stop to the end of a thread: first the cell is asked, then parked where that harms nothing
/// else, at last parked anyway.
struct Stopping {
    enum Step { case wait, park, parkAnywhere }

    private var asked: ContinuousClock.Instant?
    /// When the cell began to be on its own: when it was asked, or when its last cooperating step ended.
    private var ignoring: ContinuousClock.Instant?
    private(set) var isForced = false

    /// How long a cell that looks at `Interruption` has, when none of its steps says that it cooperates.
    static let patience = Duration.milliseconds(80)
    /// How long a cell has for what it does behind its last cooperating step: to take the result over, to show it. With 40 ms
    /// the run that training had handed back was not in its variable in 2 of 12 interrupts.
    static let afterCooperation = Duration.milliseconds(300)
    /// How long a library call may take to come back into the cell before its thread is parked inside it.
    static let limit = Duration.milliseconds(1500)
    /// How long all steps together that promised to look at `Interruption` may take.
    static let cooperativeLimit = Duration.seconds(20)

    /// The user asked. Asking again changes nothing.
    mutating func begin(at now: ContinuousClock.Instant = .now) {
        asked = asked ?? now
        ignoring = ignoring ?? now
    }

    /// Another thread of the cell is gone, and its own may wait for that one: no patience.
    mutating func beginForced(at now: ContinuousClock.Instant = .now) { begin(at: now - Self.patience) }

    var hasBegun: Bool { asked != nil }

    /// What is to be done now.
    mutating func step(isCooperating: Bool, at now: ContinuousClock.Instant = .now) -> Step {
        guard let asked, let began = ignoring else { return .wait }
        if isCooperating, now - asked < Self.cooperativeLimit {
            // It will stop by itself, and what comes after it in the cell starts a patience of its own.
            ignoring = max(began, now + Self.afterCooperation - Self.patience)
            return .wait
        }
        let elapsed = now - began
        guard elapsed >= Self.patience else { return .wait }
        isForced = true
        return elapsed >= Self.limit ? .parkAnywhere : .park
    }
}
