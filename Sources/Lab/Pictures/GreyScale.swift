/// Numbers as greys: black the lowest and below, white the highest and above. What is no number is middle grey, and
/// everything is where all are alike.
package struct GreyScale: Sendable {
    private let low: Double
    private let high: Double

    /// From `low` to `high`.
    package init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

    /// From `low` to `high`; where they lie on both sides of nought, as far on either, so that nought is middle grey.
    package init(aroundNought low: Double, _ high: Double) {
        let reach = max(-low, high)
        self.init(low < 0 && high > 0 ? -reach : low, low < 0 && high > 0 ? reach : high)
    }

    package func byte(_ value: Double) -> UInt8 {
        guard value.isFinite, high > low else { return 128 }
        return UInt8(min(255, max(0, (value - low) / (high - low) * 255)).rounded())
    }
}
