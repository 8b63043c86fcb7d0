import CKernels
import Display
import Testing

@testable import Tensors

/// Mistakes end the program (in a notebook the cell) with a sentence.
@Suite struct FailureTests {
    private func sentence(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }

    @Test func productsThatDoNotFitNameBothShapes() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = matmul(Tensor.zeros([64, 800]), Tensor.zeros([500, 10]))
        }
        #expect(sentence(result).contains("matmul: [64, 800] and [500, 10] do not fit (800 ≠ 500)"))
    }

    @Test func sumsThatDoNotFitNameBothShapes() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.zeros([2, 3]) + Tensor.zeros([4])
        }
        #expect(sentence(result).contains("+: [2, 3] and [4] do not fit together"))
    }

    @Test func convolutionsThatDoNotFitNameBothShapes() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = conv2D(Tensor.zeros([2, 3, 8, 8]), weight: Tensor.zeros([4, 1, 3, 3]))
        }
        #expect(sentence(result).contains("conv2D: [2, 3, 8, 8] and [4, 1, 3, 3] do not fit (3 channels ≠ 1)"))
    }
}

@Suite struct AbandonedThreadTests {
    /// What was computed inside a gradient is given back when its thread is abandoned, and a tensor that escaped says so.
    @Test func whatAnAbandonedGradientComputedIsGone() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            nonisolated(unsafe) var escaped = Tensor(0)
            _ = valueAndGradient(at: Tensor.ones([64, 64])) { x in
                escaped = x * 2
                let before = escaped.scalars[0]
                Interruption.threadWasAbandoned(kernels_thread_state().pointee.thread)
                fatalError("before: \(before), after: \(escaped.scalars[0])")
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("the elements of this tensor of shape [64, 64] are gone"), "\(text)")
    }
}
