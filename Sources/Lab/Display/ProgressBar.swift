import Synchronization

/// A bar that tells how far long work has come, how fast it goes and how long it will still take.
///
///     let bar = ProgressBar("epoch 1 of 10", total: 30_000, unit: "images")
///     for batch in batches {
///         …
///         bar.update(done, title: "epoch \(epoch) of 10")
///     }
///     bar.finish("10 epochs in 7.2 s")
///
/// It updates in place, at most ten times a second: calling `update` more often costs one look at the clock. What it
/// ends with is one line. Where a place cannot be updated (a console) it prints a line every ten seconds.
public final class ProgressBar: Sendable {
    private struct State {
        var title: String
        var completed = 0
        var lastDrawn: ContinuousClock.Instant?
        var isFinished = false
    }

    public let total: Int
    public let unit: String
    private let id = DisplayID()
    private let start: ContinuousClock.Instant
    private let state: Mutex<State>
    private let clock = ContinuousClock()

    /// How much was done before: work that goes on where it was broken off. It does not count for the speed.
    private let completedBefore: Int

    private let frontend: any Frontend

    /// Shows the bar. `total` is the amount of work in `unit`s, which the speed is given in.
    public convenience init(_ title: String, total: Int, unit: String = "steps", completed: Int = 0) {
        self.init(title, total: total, unit: unit, completed: completed, on: Display.frontend)
    }

    /// Shows the bar on a front end of the caller's.
    package init(_ title: String, total: Int, unit: String, completed: Int = 0, on frontend: any Frontend) {
        self.frontend = frontend
        self.total = max(total, 1)
        completedBefore = completed
        self.unit = unit
        start = clock.now
        let first = State(title: title, completed: completed)
        state = Mutex(first)
        if frontend.updatesInPlace { frontend.display(bundle(first, elapsed: .zero), id: id) }
    }

    /// Tells how much is done, and what the bar's title is from now on.
    public func update(_ completed: Int, title: String? = nil) {
        let now = clock.now
        let interval: Duration = frontend.updatesInPlace ? .milliseconds(100) : .seconds(10)
        let due = state.withLock { state -> State? in
            state.completed = completed
            if let title { state.title = title }
            guard !state.isFinished, now - (state.lastDrawn ?? start) >= interval else { return nil }
            state.lastDrawn = now
            return state
        }
        guard let due else { return }
        let bundle = bundle(due, elapsed: now - start)
        if frontend.updatesInPlace { frontend.update(bundle, id: id) } else { frontend.display(bundle, id: nil) }
    }

    /// Replaces the bar by one line. Later updates are ignored.
    public func finish(_ line: String) {
        let wasFinished = state.withLock { state in
            defer { state.isFinished = true }
            return state.isFinished
        }
        guard !wasFinished else { return }
        let html = "<div style=\"font-size:13px;padding:2px 0\">\(line.escapedForHTML)</div>"
        let bundle = MimeBundle(text: line, html: html)
        if frontend.updatesInPlace { frontend.update(bundle, id: id) } else { frontend.display(bundle, id: nil) }
    }

    private func bundle(_ state: State, elapsed: Duration) -> MimeBundle {
        let part = min(max(Double(state.completed) / Double(total), 0), 1)
        var figures = part.percent(0)
        // In the first tenth of a second a speed would be a guess.
        let done = Double(state.completed - completedBefore)
        if done > 0 && elapsed >= .milliseconds(100) {
            let speed = done / elapsed.seconds
            // What takes longer than a second is told by the time left.
            if speed >= 1 { figures += " · \(Int(speed).grouped) \(unit)/s" }
            figures += " · \((elapsed * (Double(max(0, total - state.completed)) / done)).spoken) left"
        }
        let filled = Int(part * 20)
        let text =
            "\(state.title) \(String(repeating: "█", count: filled))\(String(repeating: "░", count: 20 - filled)) \(figures)"
        let html = """
            <div style="display:flex;align-items:center;gap:12px;font-size:13px;padding:2px 0">\
            <span style="min-width:7em">\(state.title.escapedForHTML)</span> \
            <div style="flex:0 1 320px;height:10px;border-radius:5px;background:rgba(128,128,128,0.25)">\
            <div style="width:\((part * 100).fixed(1))%;height:10px;border-radius:5px;background:#0072b2"></div></div> \
            <span style="font-variant-numeric:tabular-nums">\(figures.escapedForHTML)</span></div>
            """
        return MimeBundle(text: text, html: html)
    }
}
