import Testing

@testable import NeuralNetworks
@testable import Tensors

/// Ten steps of each optimizer beside PyTorch's: see Tests/Golden/optimizers.py.
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

    @Test(arguments: [("alike", nil), ("decay", 0.7)] as [(String, Double?)])
    func averagesAgreeWithPyTorchStepByStep(name: String, decay: Double?) throws {
        let golden = try goldenFile("optimizers")
        let (track, means) = (try #require(golden["momentum"]), try #require(golden["average/\(name)"]))
        let model = Weights(track[0].converted(to: .float32))
        let average = AveragedWeights(of: model, decay: decay)
        for step in 0..<10 {
            model.w = track[step].converted(to: .float32)
            average.add()
            // Numbers below 4, whose mean is rounded once a step.
            #expect(difference(average.values[0].value, means[step]) < 10 * 4 * 0x1p-24, "step \(step)")
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
}
