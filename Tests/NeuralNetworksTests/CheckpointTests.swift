import CKernels
import Testing

@testable import NeuralNetworks
@testable import Tensors

@Suite struct CheckpointTests {
    private func network(_ isCheckpointed: Bool) -> Sequential {
        let block: [any Module] = [
            Conv2D(8, kernel: 3, padding: 1), BatchNorm(), ReLU(), Dropout(0.3), Conv2D(8, kernel: 3, padding: 1),
        ]
        // The same layers as one part, with or without the checkpoint.
        let part = Sequential(block)
        return Sequential([Conv2D(8, kernel: 3), isCheckpointed ? Checkpointed(part) : part, Flatten(), Dense(4)])
    }

    /// Values, gradients and running statistics have the same bits, dropout and all.
    @Test func aCheckpointChangesNothing() {
        let images = Tensor.normal([8, 1, 10, 10], seed: 1)
        let labels = Tensor([0, 1, 2, 3, 0, 1, 2, 3] as [Int32])
        func step(_ net: Sequential) -> [(String, [Float])] {
            net.initialize(input: [1, 10, 10], seed: 1)
            let (loss, gradients) = valueAndGradient(of: net, randomness: RandomGenerator(seed: 5)) {
                crossEntropy($0(images), labels)
            }
            return [("loss", loss.scalars)] + gradients.map { ($0.name, $0.gradient.scalars) }
                + net.parameters.map { ("after \($0.name)", $0.value.scalars) }
        }
        let (plain, checkpointed) = (step(network(false)), step(network(true)))
        #expect(plain.map(\.0) == checkpointed.map(\.0))
        for (a, b) in zip(plain, checkpointed) { #expect(a.1 == b.1, "\(a.0)") }
    }

    /// Ten layers in five checkpoints keep the five results between them, not all that is inside.
    @Test func aCheckpointSavesMemory() {
        let x = Tensor.normal([64, 1024], seed: 1)
        let weight = Tensor.normal([1024, 1024], deviation: 1.0 / 32, seed: 2)
        func bytes(_ part: (Tensor) -> Tensor) -> Int {
            let before = kernels_bytes_in_use()
            var most = 0
            _ = valueAndGradient(at: x) { x in
                let y = (0..<5).reduce(x) { value, _ in part(value) }
                most = Int(kernels_bytes_in_use() - before)
                return y.sum()
            }
            return most
        }
        let block: (Tensor) -> Tensor = { sigmoid(matmul(tanh(matmul($0, weight)), weight)) }
        let (all, some) = (bytes(block), bytes { checkpointed($0, block) })
        // Of each block tanh's and sigmoid's results of 64 · 1024 floats, against the last alone.
        #expect(all >= 10 * 262_144 && some <= 5 * 262_144, "\(all) and \(some) bytes")
    }

    @Test func whatTheFunctionLooksAtGetsItsGradient() {
        let (a, b) = (random([3, 4], 1), random([3, 4], 2))
        func loss(_ inputs: [Tensor], _ wrap: @escaping (Tensor, @escaping (Tensor) -> Tensor) -> Tensor) -> Tensor {
            let shared = inputs[1] * 2
            // One checkpoint in another, and a tensor of the outside in both.
            let y = wrap(inputs[0]) { x in (wrap(x * shared) { ($0 * inputs[1]).exp() } + shared).squared() }
            return (y * shared).sum()
        }
        let plain = valueAndGradient(at: [a, b]) { loss($0) { $1($0) } }
        let checked = valueAndGradient(at: [a, b]) { loss($0) { checkpointed($0, $1) } }
        #expect(plain.value.doubles == checked.value.doubles)
        for (x, y) in zip(plain.gradients, checked.gradients) { #expect(difference(x, y) < 1e-12) }
        // Twice differentiated: everything is kept, nothing is wrong.
        let second = valueAndGradient(at: a) { a in
            valueAndGradient(at: a) { a in checkpointed(a) { $0.squared() * $0 }.sum() }.gradient.sum()
        }
        #expect(difference(second.gradient, 6 * a) < 1e-12)
    }

    private func random(_ shape: Shape, _ seed: Int) -> Tensor {
        Tensor.normal(shape, seed: seed).converted(to: .float64)
    }
}
