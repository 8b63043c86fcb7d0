import ArgumentParser
import Display
import Foundation
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

/// What some work takes, or the least that it took of several times.
struct Cost {
    var seconds = Double.infinity
    /// On all cores together. What other programs do adds nothing to it.
    var processorSeconds = Double.infinity

    static func of(_ body: () throws -> Void) rethrows -> Cost {
        let before = processorTime()
        let wall = try ContinuousClock().measure(body).seconds
        return Cost(seconds: wall, processorSeconds: processorTime() - before)
    }

    mutating func takeLess(of other: Cost) {
        seconds = min(seconds, other.seconds)
        processorSeconds = min(processorSeconds, other.processorSeconds)
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
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

/// The most memory that this program ever held, in MB. Not `getrusage`: its figure begins with what the process held
/// that started this one.
func peakMemory() -> Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? .nan) / 1024
}

/// Runs `body` while a process that does nothing but compute takes one core, or as much of it as the system gives.
func whileAnotherProcessComputes<Result>(_ body: () throws -> Result) throws -> Result {
    var process: pid_t = 0
    let words: [String] = ["sh", "-c", "while :; do :; done"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    guard posix_spawn(&process, "/bin/sh", nil, nil, &arguments, environ) == 0 else {
        throw ValidationError("There is no /bin/sh to keep a core busy with.")
    }
    defer {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
    return try body()
}
