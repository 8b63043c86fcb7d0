import Display
import Pictures

/// The picture of a run that is replaced while the run goes on: at most three times a second, and for no more than 1.5 %
/// of the time as long as that is at least once a second. With those at its beginning and end it is to stay under 2 %.
struct LivePicture {
    let frontend: any Frontend
    private let id = DisplayID()
    private let clock = ContinuousClock()
    private var lastEnd: ContinuousClock.Instant?
    private var lastCost = Duration.zero
    private var isShown = false
    /// Where it stands in a notebook.
    let place: OutputPlace

    init(on frontend: any Frontend) {
        self.frontend = frontend
        place = OutputPlace(of: frontend)
    }

    /// Draws if it is time for it, or if it must be.
    ///
    /// - Parameter isLast: With the values under the pointer, which would flicker in a plot that is replaced.
    mutating func show(_ plot: () -> any Picture, always: Bool = false, isLast: Bool = false) {
        guard frontend.updatesInPlace else { return }
        let now = clock.now
        if let lastEnd, !always, now - lastEnd < max(.milliseconds(333), min(lastCost * 66, .seconds(1))) { return }
        let bundle = isLast ? plot().mimeBundle : plot().pictureBundle
        if isShown { frontend.update(bundle, id: id) } else { frontend.display(bundle, id: id) }
        isShown = true
        lastEnd = clock.now
        lastCost = clock.now - now
    }
}

/// The cell under which something was shown: what ends with the same picture as its value need not show it twice.
struct OutputPlace: Sendable {
    private let id: String?

    /// Nowhere: a front end that keeps no picture up to date has not shown the last one.
    init(of frontend: (any Frontend)?) { id = frontend?.updatesInPlace == true ? frontend?.currentOutputID : nil }

    /// Whether what is displayed now comes under the same cell.
    var isHere: Bool { id != nil && id == Display.frontend.currentOutputID }
}
