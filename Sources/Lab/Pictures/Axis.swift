internal import Glibc

/// One side of a plot: what it measures, in which unit, and from where to where.
public struct Axis: Hashable, Sendable {
    public enum Scale: Hashable, Sendable {
        case linear
        /// Each step a factor. Only positive values can be shown; others leave a gap.
        case logarithmic
    }

    public var title: String
    /// Written behind the title in brackets: `accuracy (%)`.
    public var unit: String?
    public var scale: Scale
    /// From where to where; found from the data where it is `nil`.
    public var range: ClosedRange<Double>?

    public init(_ title: String, unit: String? = nil, scale: Scale = .linear, range: ClosedRange<Double>? = nil) {
        self.title = title
        self.unit = unit
        self.scale = scale
        self.range = range
    }

    var caption: String { unit.map { "\(title) (\($0))" } ?? title }
}

extension Axis: ExpressibleByStringLiteral {
    /// A linear axis with this title.
    public init(stringLiteral title: String) { self.init(title) }
}

/// An axis with its range settled: places values, and marks round figures.
struct PlacedAxis {
    struct Tick: Equatable {
        var value: Double
        /// Empty for a tick between the named ones.
        var label: String
    }

    let scale: Axis.Scale
    let range: ClosedRange<Double>
    let ticks: [Tick]

    /// - Parameters:
    ///   - isTight: The range ends at the data (time axes) and not at the next round figure.
    ///   - count: About how many ticks there is room for.
    init(_ axis: Axis, values: [Double], count: Int, isTight: Bool = false) {
        let isLogarithmic = axis.scale == .logarithmic
        let usable = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
        scale = axis.scale
        var low = axis.range?.lowerBound ?? usable.min() ?? (isLogarithmic ? 0.1 : 0)
        var high = axis.range?.upperBound ?? usable.max() ?? 1
        if isLogarithmic {
            if low <= 0 { low = usable.min() ?? max(high, 1) / 1_000 }
            if high <= low { high = low * 10 }
            if axis.range == nil && !isTight {
                low *= 0.8
                high *= 1.25
            }
            range = low...high
            ticks = PlacedAxis.logarithmicTicks(range, count: count)
        } else {
            if high - low < 1e-12 * max(abs(high), abs(low), 1e-300) {
                let around = high == 0 ? 1 : abs(high) * 0.1
                low -= around
                high += around
            }
            // An axis that starts at nought tells sizes honestly; it costs little room if the data come near it.
            if axis.range == nil && !isTight && low > 0 && low < 0.4 * high { low = 0 }
            let step = PlacedAxis.roundStep((high - low) / Double(max(count, 2)))
            if axis.range == nil && !isTight {
                low = (low / step + 1e-9).rounded(.down) * step
                high = (high / step - 1e-9).rounded(.up) * step
            }
            range = low...high
            ticks = PlacedAxis.linearTicks(range, step: step)
        }
    }

    /// Where a value lies, 0 at the axis's start and 1 at its end; not a number where it has no place.
    func position(_ value: Double) -> Double {
        switch scale {
        case .linear: (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        case .logarithmic:
            value > 0 ? log(value / range.lowerBound) / log(range.upperBound / range.lowerBound) : .nan
        }
    }

    /// 1, 2 or 5 times a power of ten, the first that is not smaller than `rough`.
    static func roundStep(_ rough: Double) -> Double {
        let power = pow(10, floor(log10(rough)))
        for factor in [1.0, 2, 5] where power * factor >= rough * 0.999_999 { return power * factor }
        return power * 10
    }

    private static func linearTicks(_ range: ClosedRange<Double>, step: Double) -> [Tick] {
        let first = Int((range.lowerBound / step - 1e-6).rounded(.up))
        let last = Int((range.upperBound / step + 1e-6).rounded(.down))
        guard first <= last, last - first < 200 else { return [] }
        let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
        return (first...last).map { index in
            let value = Double(index) * step
            let label =
                decimals > 5 || abs(value) >= 1e7
                ? value.significant(3)
                : decimals == 0 ? Int(value.rounded()).grouped : value.fixed(decimals)
            return Tick(value: value, label: label)
        }
    }

    private static func logarithmicTicks(_ range: ClosedRange<Double>, count: Int) -> [Tick] {
        let first = Int(floor(log10(range.lowerBound) + 1e-9))
        let last = Int(ceil(log10(range.upperBound) - 1e-9))
        let decades = log10(range.upperBound / range.lowerBound)
        // Few decades have their 2 and 5 named; many leave out some powers.
        let named: [Double] = decades < 1.2 ? [1, 2, 3, 5, 7] : decades < 2.5 ? [1, 2, 5] : [1]
        let every = max(1, Int((decades / Double(max(count, 2))).rounded(.up)))
        var ticks: [Tick] = []
        for exponent in first...max(first, last) {
            // The lines between are for axes with room: under a quarter of a tick's they would be a grey haze.
            for factor in every > 1 || decades > Double(count) / 1.5 ? [1.0] : [1, 2, 3, 4, 5, 6, 7, 8, 9] {
                let value = factor * pow(10, Double(exponent))
                guard value >= range.lowerBound * 0.999_999, value <= range.upperBound * 1.000_001 else { continue }
                let isNamed = named.contains(factor) && (exponent - first).isMultiple(of: every)
                ticks.append(
                    Tick(
                        value: value,
                        label: isNamed
                            ? (value >= 1_000 && value < 1e9 ? Int(value.rounded()).grouped : value.significant(2)) : ""
                    ))
            }
        }
        return ticks
    }
}
