internal import Display
internal import JupyterWire

/// How much is shown of what a cell displays: pictures and tables up to `outputLimit` bytes together, and the last one.
///
/// What replaces itself (a plot that grows, a progress bar) is not counted: the notebook keeps the newest alone.
struct DisplayLimit {
    /// In bytes, where the user has not chosen one.
    let standard: Int
    private var shown = 0
    private(set) var omitted = 0
    /// The newest of what was left out.
    private(set) var last: (bundle: MimeBundle, id: DisplayID?)?

    /// What a browser spends on each beside its bytes.
    private static let overhead = 1_000

    init(standard: Int = outputLimit) { self.standard = standard }

    private var limit: Int { chosenOutputLimit ?? standard }

    /// Takes what is displayed next. The first is shown, however large.
    mutating func admit(_ bundle: MimeBundle, id: DisplayID?) -> Bool {
        if omitted == 0, shown < limit {
            shown += bundle.approximateSize + Self.overhead
            return true
        }
        omitted += 1
        last = (bundle, id)
        return false
    }

    /// What the reader is told once the limit is reached.
    var notice: String {
        "[This cell has displayed more than \(limit.grouped) bytes: what follows is left out, but for the last. "
            + "`import Display` and then `\(limit.asLimit)` shows more.]\n"
    }

    /// Ends the output: what is said, and what is displayed, where something was left out.
    mutating func end() -> (notice: String?, last: (bundle: MimeBundle, id: DisplayID?))? {
        guard let last else { return nil }
        defer { self.last = nil }
        let between = omitted - 1
        let displays = between == 1 ? "display is" : "displays are"
        return (between == 0 ? nil : "[\(between.grouped) \(displays) left out here.]\n", last)
    }
}

extension Int {
    /// How a cell sets a limit ten times this one.
    var asLimit: String { "outputLimit = \(Swift.max(self * 10, 1_000_000).grouped.replacing(",", with: "_"))" }
}
