import NeuralNetworks
import Tensors
import Testing

/// The calls of the design, as a participant types them: that they compile is the test, and that they agree.
@Suite struct CallFormTests {
    @Test func gradientDescentByHandLowersTheLoss() {
        let images = Tensor.uniform([32, 784], seed: 3)
        let labels = Tensor((0..<32).map { Int32($0 % 10) })
        var w = Tensor.glorot([784, 10], seed: 1)
        let (loss, gradient) = valueAndGradient(at: w) { crossEntropy(matmul(images, $0), labels) }
        w = w - 0.1 * gradient
        let (lower, _) = valueAndGradient(at: w) { crossEntropy(matmul(images, $0), labels) }
        #expect(lower.item < loss.item)
    }

    @Test func anOptimizerFollowsTheGradientsOfAModel() {
        let net = Sequential {
            Flatten()
            Dense(30, activation: .relu)
            Dropout(0.2)
            Dense(10)
        }
        let images = Tensor.uniform([32, 1, 28, 28], seed: 3)
        let labels = Tensor((0..<32).map { Int32($0 % 10) })
        let optimizer = Optimizer(.sgd(momentum: 0.9, nesterov: true), learningRate: 0.05)
        var losses: [Float] = []
        for _ in 0..<40 {
            let (loss, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
            optimizer.update(net, along: gradients)
            losses.append(loss.item)
        }
        #expect(losses.last! < losses[0] * 0.8, "\(losses)")
    }

    /// Two steps with the gradients 0.5 and -1.5 from the weight 2 at the rate 0.1, worked out with the formulas in
    /// double precision.
    @Test(
        arguments: zip(
            [
                Optimizer.Method.sgd(momentum: 0.9), .nesterov(), .adaGrad(), .rmsProp(), .adam(), .adamW(),
                .adaDelta(),
                .ftrl(), .ftrl(lasso: 3, ridge: 0.5),
            ],
            [2.055, 2.1495, 1.994868, 1.949158, 1.949419, 1.945521, 2.000110, 2.024781, 2.024751]))
    func optimizersFollowTheirFormulas(method: Optimizer.Method, expected: Double) {
        final class Weight: Module {
            @Parameter var w = Tensor([2])
            func callAsFunction(_ x: Tensor) -> Tensor { w * x }
        }
        let model = Weight()
        let optimizer = Optimizer(method, learningRate: 0.1)
        for slope in [0.5, -1.5] {
            let (_, gradients) = valueAndGradient(of: model) { $0(Tensor(slope)).sum() }
            optimizer.update(model, along: gradients)
        }
        #expect(abs(Double(model.w.item) - expected) < 1e-5, "\(model.w.item)")
    }
}
