// What `%time` and `%timeit` measure with: calls of these stand in the compiled cell.

/// Runs `body` in rounds of so many times that a round takes at least 50 ms, 7 rounds, and prints mean and standard
/// deviation of a run.
public func _cellTimeIt(_ body: () throws -> Void) rethrows {
    let rounds = 7
    let clock = ContinuousClock()
    var count = 1
    var elapsed = Duration.zero
    repeat {
        elapsed = try clock.measure { for _ in 0..<count { try body() } }
        if elapsed < .milliseconds(50) {
            let wanted = Double(count) * (0.06 / max(elapsed / .seconds(1), 1e-9))
            count = max(count * 2, min(Int(wanted), count * 100))
        }
    } while elapsed < .milliseconds(50)
    var times: [Double] = []
    for _ in 0..<rounds {
        let round = try clock.measure { for _ in 0..<count { try body() } }
        times.append(round / .seconds(1) / Double(count))
    }
    let mean = times.reduce(0, +) / Double(rounds)
    let deviation = (times.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rounds - 1)).squareRoot()
    print(
        "\(readable(mean)) ± \(readable(deviation)) a run (mean ± standard deviation of \(rounds) rounds of \(count), compiled with -O)"
    )
}

/// Keeps the optimiser from leaving out what is measured.
@inline(never) @_optimize(none)
public func _cellUse<Value>(_ value: Value) {}

/// A time in seconds, with three digits and the unit that suits it.
package func readable(_ seconds: Double) -> String {
    let (value, unit) =
        switch seconds {
        case 1...: (seconds, "s")
        case 1e-3...: (seconds * 1e3, "ms")
        case 1e-6...: (seconds * 1e6, "µs")
        default: (seconds * 1e9, "ns")
        }
    let digits = value >= 100 ? 1.0 : value >= 10 ? 10.0 : 100.0
    return "\((value * digits).rounded() / digits) \(unit)"
}
