import Testing

@testable import NeuralNetworks
@testable import Tensors

@Suite struct LayerFailureTests {
    @Test func theLayerIsNamed() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let net = LeNet()
            net.initialize(input: [1, 28, 28])
            _ = net.output(Tensor.zeros([64, 800]))
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("matmul: [64, 800] and [500, 10] do not fit (800 ≠ 500), in `output`"), "\(text)")
    }
}
