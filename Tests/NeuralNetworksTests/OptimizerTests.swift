import Testing

@testable import NeuralNetworks
@testable import Tensors

/// Ten steps of each optimizer beside PyTorch's, and policies at every percent: see Tests/Golden/optimizers.py.
@Suite struct OptimizerTests {
    private final class Weights: Module {
        @Parameter var w: Tensor
        init(_ start: Tensor) { _w = Parameter(wrappedValue: start) }
        func callAsFunction(_ x: Tensor) -> Tensor { w * x }
    }

    static let methods: [(name: String, method: Optimizer.Method)] = [
        ("sgd", .sgd()), ("sgdDecay", .sgd(weightDecay: 0.1)), ("momentum", .sgd(momentum: 0.9, weightDecay: 0.01)),
        ("nesterov", .nesterov(momentum: 0.8, weightDecay: 0.01)), ("adaGrad", .adaGrad(weightDecay: 0.1)),
        ("adaDelta", .adaDelta(smoothing: 0.8, weightDecay: 0.1, epsilon: 1e-5)),
        ("rmsProp", .rmsProp(smoothing: 0.95, weightDecay: 0.1, epsilon: 1e-6)),
        ("adam", .adam(beta1: 0.8, beta2: 0.95, weightDecay: 0.1, epsilon: 1e-6)),
        ("adamW", .adamW(beta1: 0.8, beta2: 0.95, weightDecay: 0.2, epsilon: 1e-6)),
        ("ftrl", .ftrl(beta: 1, lasso: 0.05, ridge: 0.1)),
    ]

    @Test(arguments: methods.map(\.name))
    func followsPyTorchStepByStep(name: String) throws {
        let golden = try goldenFile("optimizers")
        let method = try #require(Self.methods.first { $0.name == name }).method
        let (start, slopes) = (try #require(golden["start"]), try #require(golden["gradients"]))
        let track = try #require(golden[name])
        let model = Weights(start.converted(to: .float32))
        let optimizer = Optimizer(method, learningRate: 0.1)
        for step in 0..<10 {
            if step == 9 { optimizer.learningRate = 0.1 / 3 }
            // The gradient of the sum of w · g is g.
            let (_, gradients) = valueAndGradient(of: model) { $0(slopes[step].converted(to: .float32)).sum() }
            optimizer.update(model, along: gradients)
            // Each step rounds a few times to 6e-8, and AdaDelta divides small numbers by small ones.
            #expect(difference(model.w, track[step]) < 2e-6, "step \(step)")
        }
    }

    /// A model that is taken up again after five steps goes where the unbroken one goes.
    @Test(arguments: methods.map(\.name))
    func theStateContinuesToTheBit(name: String) throws {
        let golden = try goldenFile("optimizers")
        let method = try #require(Self.methods.first { $0.name == name }).method
        let (start, slopes) = (try #require(golden["start"]), try #require(golden["gradients"]))
        func run(_ model: Weights, _ optimizer: Optimizer, _ steps: Range<Int>) {
            for step in steps {
                let (_, gradients) = valueAndGradient(of: model) { $0(slopes[step].converted(to: .float32)).sum() }
                optimizer.update(model, along: gradients)
            }
        }
        let (whole, first) = (Weights(start.converted(to: .float32)), Weights(start.converted(to: .float32)))
        run(whole, Optimizer(method, learningRate: 0.1), 0..<10)
        let half = Optimizer(method, learningRate: 0.1)
        run(first, half, 0..<5)
        let (second, rest) = (Weights(first.w), Optimizer(method, learningRate: 0.1))
        try rest.restore(half.state, for: second)
        run(second, rest, 5..<10)
        #expect(second.w.scalars == whole.w.scalars)
    }

    @Test func gradientsAreClippedToALength() {
        let model = Weights(Tensor([0, 0]))
        let (_, gradients) = valueAndGradient(of: model) { $0(Tensor([3, 4])).sum() }
        #expect(gradients.norm == 5 && gradients.clipped(toNorm: 10)["w"]?.scalars == [3, 4])
        let clipped = gradients.clipped(toNorm: 1)
        #expect(difference(clipped["w"]!, Tensor([0.6, 0.8])) < 1e-6)
    }

    @Test func policiesAgreeWithPyTorchAtEveryPercent() throws {
        let golden = try goldenFile("optimizers")
        let policies: [(String, LearningRate)] = [
            ("step", .step(0.5, everyPercent: 20, factor: 0.3)),
            ("multistep", .multistep(0.5, atPercent: [10, 55, 90], factor: 0.5)),
            ("exponential", .exponential(0.5, factor: 0.97)), ("polynomial", .polynomial(0.5, power: 2.5)),
            ("cosine", .cosine(0.5, end: 0.01)), ("oneCycle", .oneCycle(0.5, peakPercent: 25)),
            ("inverse", .inverse(0.5, factor: 0.2, power: 0.75)),
            ("sigmoid", .sigmoid(0.5, centre: 40, steepness: 0.2)),
        ]
        for (name, policy) in policies {
            let rates = Tensor((0...100).map { policy.rate(at: Double($0)) } as [Double])
            #expect(difference(rates, try #require(golden["rate/\(name)"])) < 1e-12, "\(name)")
        }
    }

    @Test func initializersHaveTheirSpread() {
        var generator = RandomGenerator(seed: 9)
        // [outputs, inputs, 3, 3]: fan-in 40 · 9, fan-out 60 · 9. Uniform in ±b has the variance b² / 3.
        let shape: Shape = [60, 40, 3, 3]
        let cases: [(Initializer, variance: Double, bound: Double)] = [
            (.glorot, 2.0 / 900, (6.0 / 900).squareRoot()), (.he, 2.0 / 360, .infinity),
            (.lecun, 1.0 / 360, (3.0 / 360).squareRoot()), (.xavier, 1.0 / 360, (3.0 / 360).squareRoot()),
            (.pytorch, 1.0 / 1080, (1.0 / 360).squareRoot()), (.uniform(-2...2), 4.0 / 3, 2),
            (.normal(deviation: 0.3), 0.09, .infinity),
        ]
        for (initializer, variance, bound) in cases {
            let values = initializer.values(shape, using: &generator)
            // Of 21,600 values: the variance's relative standard error is below 1 %.
            #expect(abs(Double(values.variance().item) / variance - 1) < 0.04, "\(initializer)")
            #expect(abs(Double(values.mean().item)) < 4 * (variance / 21_600).squareRoot(), "\(initializer)")
            #expect(Double(values.magnitude().maximum().item) <= bound * (1 + 1e-6), "\(initializer)")
        }
        #expect(Initializer.constant(0.25).values([2], using: &generator).scalars == [0.25, 0.25])
    }
}
