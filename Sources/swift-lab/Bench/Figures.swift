import Glibc
import Lab

/// Figures with their names, as a line of JSON or as a table.
struct Figures {
    var values: [(name: String, value: Double, digits: Int)] = []

    mutating func add(_ name: String, _ value: Double, digits: Int = 0) { values.append((name, value, digits)) }

    func show(_ title: String, asJSON: Bool) {
        if asJSON {
            print("{" + values.map { "\"\($0.name)\": \(text($0.value, $0.digits))" }.joined(separator: ", ") + "}")
        } else {
            print(title)
            let width = values.map(\.name.count).max() ?? 0
            for (name, value, digits) in values {
                let label = name + String(repeating: " ", count: width - name.count)
                let number = text(value, digits)
                print("  \(label)  \(String(repeating: " ", count: max(0, 10 - number.count)))\(number)")
            }
        }
    }

    private func text(_ value: Double, _ digits: Int) -> String {
        if digits == 0 { return String(Int(value.rounded())) }
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let scaled = Int((value * scale).rounded())
        let fraction = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

/// Seconds that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let duration = try clock.measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

/// The rate of large products of matrices on all cores, in GFLOP/s: what the other figures are a share of.
func sgemmRate() -> Double {
    let (a, b) = (Tensor.normal([1024, 1024], seed: 1), Tensor.normal([1024, 1024], seed: 2))
    var best = 0.0
    for _ in 0..<20 {
        let time = seconds { _ = matmul(a, b) }
        best = max(best, 2 * 1024.0 * 1024 * 1024 / time / 1e9)
    }
    return best
}

/// The most memory that this process ever held, in MB.
func peakMemory() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
}
