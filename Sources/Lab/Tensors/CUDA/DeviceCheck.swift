internal import CKernels
internal import Display
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// Whether a GPU computes what the processor does: seen once in a process, before tensors are made there unasked.
///
/// A driver, a compiler and a card of which nobody here has seen the like are trusted after they have answered what the
/// processor answers, too. They do so on a thread of its own, which is left behind where an operation fails or the
/// driver hangs: nothing of that costs a cell.
enum DeviceCheck {
    enum Result: Sendable, Equatable {
        /// What was seen, or what was wrong.
        case passed(String)
        case failed(String)
    }

    /// Something small for both to compute. The answers may differ by `tolerance` of the largest element.
    struct Question: Sendable {
        let name: String
        var tolerance = DeviceCheck.tolerance
        let answer: @Sendable () -> [Tensor]
    }

    /// Rounding of the sums below, of up to 1,152 terms, came to 1.3e-7 on the simulation, which adds in another order
    /// than the processor; a card has functions of its own, good to 1e-6. A wrong kernel is off by far more.
    static let tolerance = 1e-4
    /// Seconds until whoever waits goes on without. Kernels are compiled once in that time, at a first use.
    private static let patience = 120.0

    private enum State {
        case open
        case running(since: ContinuousClock.Instant, thread: UInt64)
        case done(Result)
    }
    private static let state = Mutex(State.open)

    /// What came out for GPU 0. The first who asks has it computed.
    static func result() -> Result {
        while true {
            let before = state.withLock { state in
                defer { if case .open = state { state = .running(since: .now, thread: 0) } }
                return state
            }
            switch before {
            case .done(let result): return result
            case .open: start()
            case .running(let since, _):
                guard ContinuousClock.now - since > .seconds(patience) else {
                    usleep(500)
                    continue
                }
                end(.failed("it did not answer within \(Int(patience)) seconds"))
            }
        }
    }

    /// What came out, if anybody has asked.
    static var known: Result? {
        state.withLock { state in
            if case .done(let result) = state { return result }
            return nil
        }
    }

    private static func start() {
        _ = registration
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { _ in
                let own = kernels_thread_state().pointee.thread
                DeviceCheck.state.withLock { state in
                    if case .running(let since, _) = state { state = .running(since: since, thread: own) }
                }
                DeviceCheck.end(DeviceCheck.result(of: .cuda(0), DeviceCheck.questions))
                return nil
            }, nil)
        if result == 0 { pthread_detach(thread) } else { end(.failed("there is no thread for it")) }
    }

    /// A check whose thread was stopped, with the cell that it was for, is begun anew by the next who asks.
    private static let registration: Void = Interruption.onAbandonedThread { thread in
        state.withLock { state in
            if case .running(_, thread) = state { state = .open }
        }
    }

    private static func end(_ result: Result) {
        state.withLock { state in
            if case .running = state { state = .done(result) }
        }
    }

    /// Called by whatever fails: on the check's own thread that ends the check and no cell, and does not return.
    static func endIfChecking(_ sentence: String) {
        let isChecking = state.withLock { state in
            if case .running(_, let thread) = state {
                return thread != 0 && thread == kernels_thread_state().pointee.thread
            }
            return false
        }
        guard isChecking else { return }
        end(.failed(sentence))
        // Not unwound, as threads of cells are not.
        while true { pause() }
    }

    static func result(of device: Device, _ questions: [Question]) -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        var largest = 0.0
        for question in questions {
            let here = Device.cpu.run { question.answer().map(\.doubles) }
            let there = device.run { question.answer().map(\.doubles) }
            let size = here.joined().reduce(0) { max($0, abs($1)) }
            let apart = zip(here.joined(), there.joined()).reduce(0.0) { apart, pair in
                // NaN is never less than anything.
                abs(pair.0 - pair.1) <= apart ? apart : abs(pair.0 - pair.1)
            }
            guard apart <= question.tolerance * size else {
                return .failed(
                    "\(question.name): off by \(apart.significant(3)) where the largest number is \(size.significant(3)), and \((question.tolerance * size).significant(3)) would be rounding"
                )
            }
            largest = max(largest, apart / size)
        }
        let seconds = (clock.now - start).seconds
        return .passed(
            "\(questions.count) computations were the processor's to \(largest.significant(2)) of their size, in \(seconds.significant(2)) s"
        )
    }

    // MARK: - The questions

    /// What training a network is made of, at sizes that are no multiple of a block's.
    static let questions = [
        Question(name: "random numbers", tolerance: 0) { [.uniform([1001], -1...1, seed: 3)] },
        Question(name: "functions of elements") {
            let x = Tensor.uniform([37, 211], -2...2, seed: 1)
            return [(x.exp() + tanh(x) * 0.5) / (x.squared() + 1) + x[0]]
        },
        Question(name: "sums") {
            let x = Tensor.uniform([37, 1152], seed: 2)
            return [x.sum(axis: 0), x.sum(axis: 1), x.transposed().maximum(axis: 0)]
        },
        Question(name: "products of matrices") {
            gradients(at: .normal([70, 130], seed: 4), .normal([130, 90], seed: 5)) { matmul($0, $1).squared().mean() }
        },
        Question(name: "convolution and pooling") {
            gradients(at: .normal([9, 3, 17, 17], seed: 6), .normal([10, 3, 5, 5], seed: 7)) {
                maxPool(conv2D($0, weight: $1), 2).squared().mean()
            }
        },
        Question(name: "batch normalisation") {
            gradients(at: .normal([9, 5, 11, 3], seed: 8), .normal([5], seed: 9)) {
                (batchNorm($0, scale: $1, offset: $1) * $0).mean()
            }
        },
        Question(name: "the loss of a classifier") {
            let labels = Tensor((0..<37).map { Int32($0 * 7 % 10) })
            let (loss, gradient) = valueAndGradient(at: .normal([37, 10], seed: 10)) { crossEntropy($0, labels) }
            return [loss, gradient]
        },
        Question(name: "a training step that is repeated", answer: repeatedSteps),
    ]

    private static func gradients(
        at a: Tensor, _ b: Tensor, _ function: (Tensor, Tensor) -> Tensor
    ) -> [Tensor] {
        let (value, gradients) = valueAndGradient(at: a, b, function)
        return [value, gradients.0, gradients.1]
    }

    /// Six steps with momentum. On a GPU the last three are launched as a graph.
    private static func repeatedSteps() -> [Tensor] {
        let storages = ParameterStorage.allocate([[20, 7], [20, 7]])
        let (weight, moment) = (storages[0], storages[1])
        weight.write(.normal([20, 7], seed: 11))
        let repeated = RepeatedStep(on: .default)
        var sum = 0.0
        for step in 1...6 {
            func take(_ x: Tensor) -> Tensor {
                let (loss, gradient) = valueAndGradient(at: weight.live) { matmul(x, $0).squared().mean() }
                ParameterStorage.momentumStep(
                    [(weight, gradient, moment)], rate: 0.1 / Double(step), momentum: 0.9, decay: 0, nesterov: false)
                return loss
            }
            let x = Tensor.normal([33, 20], seed: 20 + step)
            if let repeated {
                let generator = RandomGenerator(seed: step)
                repeated.run(.copied([x]), rates: [0.1 / Double(step)], randomness: [generator]) { x, _, _ in take(x[0])
                }
            } else {
                sum += Double(take(x).item)
            }
        }
        return [Tensor([repeated?.takeTotals().sum ?? sum]), weight.copy]
    }
}
