internal import Tensors

#if canImport(Glibc)
    internal import Glibc
#endif

/// The learning rate over the course of training, as a function of the progress in percent.
///
///     let rate = LearningRate.step(0.01, everyPercent: 33, factor: 0.1)
///     rate.rate(at: 50)                                 // → 0.001
///
/// The formulas are DIGITS' (p is the progress, 0 to 100).
public struct LearningRate: Sendable, Hashable, Codable {
    enum Policy: Sendable, Hashable, Codable {
        case fixed
        case step(every: Double, factor: Double)
        case multistep(at: [Double], factor: Double)
        case exponential(factor: Double)
        case inverse(factor: Double, power: Double)
        case polynomial(power: Double)
        case sigmoid(centre: Double, steepness: Double)
        case cosine(end: Double)
        case oneCycle(peak: Double, start: Double, end: Double)
        case table([Double])
    }

    /// The rate that the policy starts from; of one-cycle the largest.
    public var base: Double
    let policy: Policy
    private(set) var warmUp = 0.0

    private init(_ base: Double, _ policy: Policy) {
        self.base = base
        self.policy = policy
    }

    /// Always the same.
    public static func fixed(_ base: Double) -> LearningRate { LearningRate(base, .fixed) }
    /// base · factor^⌊p / everyPercent⌋. With 33 % it drops three times: at 33, 66 and 99.
    public static func step(_ base: Double, everyPercent: Double = 33, factor: Double = 0.1) -> LearningRate {
        LearningRate(base, .step(every: everyPercent, factor: factor))
    }
    /// base · factor^(the number of given percentages that p has passed).
    public static func multistep(_ base: Double, atPercent: [Double] = [50, 85], factor: Double = 0.5) -> LearningRate {
        LearningRate(base, .multistep(at: atPercent, factor: factor))
    }
    /// base · factor^p.
    public static func exponential(_ base: Double, factor: Double = 0.95) -> LearningRate {
        LearningRate(base, .exponential(factor: factor))
    }
    /// base · (1 + factor · p)^-power.
    public static func inverse(_ base: Double, factor: Double = 0.1, power: Double = 0.5) -> LearningRate {
        LearningRate(base, .inverse(factor: factor, power: power))
    }
    /// base · (1 - p / 100)^power.
    public static func polynomial(_ base: Double, power: Double = 3) -> LearningRate {
        LearningRate(base, .polynomial(power: power))
    }
    /// base / (1 + e^(steepness · (p - centre))).
    public static func sigmoid(_ base: Double, centre: Double = 50, steepness: Double = 0.1) -> LearningRate {
        LearningRate(base, .sigmoid(centre: centre, steepness: steepness))
    }
    /// Half a cosine from base down to end.
    public static func cosine(_ base: Double, end: Double = 0) -> LearningRate { LearningRate(base, .cosine(end: end)) }
    /// A cosine up from base / 25 to base at `peakPercent`, and one down to base / 100,000 (Smith and Topin, 2018, with
    /// fastai's numbers).
    public static func oneCycle(_ base: Double, peakPercent: Double = 25) -> LearningRate {
        LearningRate(base, .oneCycle(peak: peakPercent, start: 1 / 25, end: 1e-5))
    }

    /// Any function of the progress in percent. It is asked for every tenth of a percent, with straight lines between.
    ///
    ///     LearningRate.function { p in p < 50 ? 0.01 : 0.001 }
    public static func function(_ rate: (_ progress: Double) -> Double) -> LearningRate {
        let rates = (0...1000).map { rate(Double($0) / 10) }
        let largest = rates.max() ?? 0
        // Shares of the largest: with another `base` the whole course is scaled.
        return LearningRate(largest, .table(rates.map { largest > 0 ? $0 / largest : $0 }))
    }

    /// The same, with the rate growing from 0 in a straight line over so many percent of the training.
    public func warmedUp(overPercent percent: Double) -> LearningRate {
        var result = self
        result.warmUp = percent
        return result
    }

    /// The rate when `progress` percent of the training are done.
    public func rate(at progress: Double) -> Double {
        let p = min(max(progress, 0), 100)
        let rate = policyRate(p)
        return p < warmUp ? rate * p / warmUp : rate
    }

    private func policyRate(_ p: Double) -> Double {
        func cosine(from: Double, to: Double, _ part: Double) -> Double {
            to + (from - to) * (1 + cos(Double.pi * part)) / 2
        }
        switch policy {
        case .fixed: return base
        case .step(let every, let factor):
            // `train` refuses such a number before it begins; a picture or a loop of one's own meets it here.
            guard every > 0 else { fail("LearningRate: \(problem ?? "everyPercent is \(every)")") }
            return base * pow(factor, (p / every).rounded(.down))
        case .multistep(let at, let factor): return base * pow(factor, Double(at.count { $0 <= p }))
        case .exponential(let factor): return base * pow(factor, p)
        case .inverse(let factor, let power): return base * pow(1 + factor * p, -power)
        case .polynomial(let power): return base * pow(1 - p / 100, power)
        case .sigmoid(let centre, let steepness): return base / (1 + exp(steepness * (p - centre)))
        case .cosine(let end): return cosine(from: base, to: end, p / 100)
        case .table(let shares):
            let place = p * 10
            let first = min(Int(place), shares.count - 2)
            return base * (shares[first] + (shares[first + 1] - shares[first]) * (place - Double(first)))
        case .oneCycle(let peak, let start, let end):
            return p < peak
                ? cosine(from: base * start, to: base, p / peak)
                : cosine(from: base, to: base * end, (p - peak) / max(100 - peak, 1e-9))
        }
    }
}

extension LearningRate {
    /// Whether its course is clearest on a logarithmic axis: it spends more than a quarter of the training at less than a
    /// twentieth of its largest value. A course that only ends near nought, like half a cosine, does not.
    package var spansMagnitudes: Bool {
        let rates = (0..<1000).map { rate(at: Double($0) / 10) }
        let largest = rates.max() ?? 0
        let small = rates.count { $0 < largest / 20 }
        return rates.contains { $0 > 0 && $0 < largest / 20 } && small > rates.count / 4
    }
}

/// A number alone is a rate that stays: `settings.learningRate = 0.01`.
extension LearningRate: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    public init(floatLiteral base: Double) { self = .fixed(base) }
    public init(integerLiteral base: Int) { self = .fixed(Double(base)) }
}
