/// What a number among the settings may be.
///
/// Settings are values that a notebook puts together step by step; they are checked as a whole before training, not
/// where they are made.
enum SettingRange {
    /// 0 or more.
    case notNegative
    /// Above 0.
    case positive
    /// 0 or more, and less than 1: of what is kept of a running mean.
    case fraction
    /// 0 to 100.
    case percent
    /// Any number but NaN and the infinite ones.
    case finite

    /// One sentence about a number that is not allowed; `nil` where it is.
    func problem(_ setting: String, _ value: Double) -> String? {
        let (isAllowed, range) =
            switch self {
            case .notNegative: (value >= 0, "0 or more")
            case .positive: (value > 0, "a number above 0")
            case .fraction: (value >= 0 && value < 1, "0 or more and less than 1")
            case .percent: (value >= 0 && value <= 100, "0 to 100")
            case .finite: (true, "a finite number")
            }
        return isAllowed && value.isFinite ? nil : "\(setting) is \(value); choose \(range)"
    }
}

extension LearningRate {
    /// The first of its numbers that cannot be trained with, in a sentence that names the range.
    package var problem: String? {
        var checks: [(String, Double, SettingRange)] = [("", base, .notNegative)]
        let name: String
        switch policy {
        case .fixed: name = "fixed"
        case .step(let every, let factor):
            name = "step"
            checks += [("everyPercent", every, .positive), ("factor", factor, .positive)]
        case .multistep(let at, let factor):
            name = "multistep"
            checks += at.map { ("atPercent", $0, .percent) } + [("factor", factor, .positive)]
        case .exponential(let factor):
            name = "exponential"
            checks += [("factor", factor, .positive)]
        case .inverse(let factor, let power):
            name = "inverse"
            checks += [("factor", factor, .notNegative), ("power", power, .notNegative)]
        case .polynomial(let power):
            name = "polynomial"
            checks += [("power", power, .notNegative)]
        case .sigmoid(let centre, let steepness):
            name = "sigmoid"
            checks += [("centre", centre, .percent), ("steepness", steepness, .finite)]
        case .cosine(let end):
            name = "cosine"
            checks += [("end", end, .notNegative)]
        case .oneCycle(let peak, _, _):
            name = "oneCycle"
            checks += [("peakPercent", peak, .percent)]
        case .table(let shares):
            name = "function"
            checks += shares.map { ("value", $0 * base, .notNegative) }
        }
        checks.append(("overPercent", warmUp, .percent))
        for (parameter, value, range) in checks {
            let setting =
                switch parameter {
                case "": "the learning rate"
                case "overPercent": "overPercent of the learning rate's warmedUp"
                default: "\(parameter) of the learning rate's .\(name)"
                }
            if let problem = range.problem(setting, value) { return problem }
        }
        return nil
    }
}

extension Plateau {
    /// The first of its numbers that cannot be trained with, in a sentence that names the range.
    package var problem: String? {
        if !(factor > 0 && factor < 1) { return "factor of the plateau is \(factor); choose a number between 0 and 1" }
        if patience < 0 { return "patience of the plateau is \(patience); choose 0 or more validations" }
        return SettingRange.fraction.problem("threshold of the plateau", threshold)
    }
}

extension Optimizer.Method {
    /// The first of its numbers that cannot be trained with, in a sentence that names the range.
    package var problem: String? {
        let checks: [(String, Double, SettingRange)] =
            switch self {
            case .sgd(let momentum, let decay, _):
                [("momentum of .sgd", momentum, .fraction), ("weightDecay of .sgd", decay, .notNegative)]
            case .adaGrad(let decay, let epsilon):
                [("weightDecay of .adaGrad", decay, .notNegative), ("epsilon of .adaGrad", epsilon, .positive)]
            case .rmsProp(let smoothing, let decay, let epsilon):
                [
                    ("smoothing of .rmsProp", smoothing, .fraction), ("weightDecay of .rmsProp", decay, .notNegative),
                    ("epsilon of .rmsProp", epsilon, .positive),
                ]
            case .adaDelta(let smoothing, let decay, let epsilon):
                [
                    ("smoothing of .adaDelta", smoothing, .fraction),
                    ("weightDecay of .adaDelta", decay, .notNegative), ("epsilon of .adaDelta", epsilon, .positive),
                ]
            case .ftrl(let beta, let lasso, let ridge):
                [
                    ("beta of .ftrl", beta, .notNegative), ("lasso of .ftrl", lasso, .notNegative),
                    ("ridge of .ftrl", ridge, .notNegative),
                ]
            case .adam(let beta1, let beta2, let decay, let epsilon):
                [
                    ("beta1 of .adam", beta1, .fraction), ("beta2 of .adam", beta2, .fraction),
                    ("weightDecay of .adam", decay, .notNegative), ("epsilon of .adam", epsilon, .positive),
                ]
            case .adamW(let beta1, let beta2, let decay, let epsilon):
                [
                    ("beta1 of .adamW", beta1, .fraction), ("beta2 of .adamW", beta2, .fraction),
                    ("weightDecay of .adamW", decay, .notNegative), ("epsilon of .adamW", epsilon, .positive),
                ]
            }
        return checks.lazy.compactMap { $2.problem($0, $1) }.first
    }
}
