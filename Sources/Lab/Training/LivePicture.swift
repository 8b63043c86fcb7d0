import Display
import Pictures

/// The picture of a run that is replaced while the run goes on: at most three times a second, and never for more than
/// 2 % of the time, whatever drawing costs.
struct LivePicture {
    let frontend: any Frontend
    private let id = DisplayID()
    private let clock = ContinuousClock()
    private var lastEnd: ContinuousClock.Instant?
    private var lastCost = Duration.zero
    private var isShown = false

    init(on frontend: any Frontend) { self.frontend = frontend }

    /// Draws if it is time for it, or if it must be.
    ///
    /// - Parameter isLast: With the values under the pointer, which would flicker in a plot that is replaced.
    mutating func show(_ plot: () -> any Picture, always: Bool = false, isLast: Bool = false) {
        guard frontend.updatesInPlace else { return }
        let now = clock.now
        if let lastEnd, !always, now - lastEnd < max(.milliseconds(333), lastCost * 49) { return }
        let bundle = isLast ? plot().mimeBundle : plot().pictureBundle
        if isShown { frontend.update(bundle, id: id) } else { frontend.display(bundle, id: id) }
        isShown = true
        lastEnd = clock.now
        lastCost = clock.now - now
    }
}
