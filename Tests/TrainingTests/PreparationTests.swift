import Datasets
import Display
import NeuralNetworks
import Pictures
import Tensors
import Testing

@testable import Training

@Suite struct PreparationTests {
    @Test func anImageOfOtherProportionsBecomesTheNetworksSizeAsItIsSaid() {
        let wide = Image(width: 8, height: 4, pixels: [UInt8](repeating: 200, count: 32))
        func prepared(_ fit: Image.Fit) -> Image {
            Preparation(
                imageShape: [1, 4, 4], fit: fit, normalization: .none(channels: 1), classNames: ["a"]
            ).prepared(wide)
        }
        #expect(prepared(.squash).pixels == [UInt8](repeating: 200, count: 16))
        // 4 × 2 pixels in the middle, a black row above and below.
        let black = [UInt8](repeating: 0, count: 4)
        #expect(prepared(.fill).pixels == black + [UInt8](repeating: 200, count: 8) + black)
    }

    @Test func whoInterruptsAnEvaluationGetsWhatWasTriedUntilThen() throws {
        /// Asks for an interrupt as soon as it is called.
        final class Stopping: Module {
            let output = Dense(2)
            func callAsFunction(_ images: Tensor) -> Tensor {
                Interruption.request()
                return output(images.flattened())
            }
        }
        let labels = (0..<300).map { $0 % 7 == 0 ? 1 : 0 }
        let data = try Dataset(
            "made", pixels: (0..<300).map { UInt8($0 % 251) }, shape: [1, 1, 1], labels: labels, classNames: ["a", "b"])
        defer { Interruption.reset() }
        let result = Classifier(Stopping(), Preparation(data)).evaluate(on: data)
        // Batches of 256: the second is not begun.
        #expect(result.labels == Array(labels.prefix(256)))
    }
}
