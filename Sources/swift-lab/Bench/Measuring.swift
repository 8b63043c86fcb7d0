import Display
import Glibc
import Tensors

/// Seconds that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double { try ContinuousClock().measure(body).seconds }

/// The median seconds of `body`, done so many times after once for warming up.
func medianSeconds(of times: Int, _ body: () throws -> Void) rethrows -> Double {
    try body()
    var all: [Double] = []
    for _ in 0..<times { all.append(try seconds(body)) }
    return all.sorted()[times / 2]
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
