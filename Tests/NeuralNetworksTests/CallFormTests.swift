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
}
