/// Convolutions as their definition says, for `float64`: what gradient checks use, and what the fast ways are held
/// against.
enum PlainConvolution {
    static func forward(_ x: Tensor, _ weight: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
        let result = Tensor.zeros(sizes.outputShape, dtype: .float64, on: nil)
        let (a, w, y) = (x.pointer(Double.self), weight.pointer(Double.self), result.pointer(Double.self))
        visit(sizes) { y[$0] += a[$1] * w[$2] }
        return result
    }

    static func dataGradient(_ dy: Tensor, _ weight: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
        let result = Tensor.zeros(sizes.inputShape, dtype: .float64, on: nil)
        let (d, w, dx) = (dy.pointer(Double.self), weight.pointer(Double.self), result.pointer(Double.self))
        visit(sizes) { dx[$1] += d[$0] * w[$2] }
        return result
    }

    static func weightGradient(_ x: Tensor, _ dy: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
        let result = Tensor.zeros(sizes.weightShape, dtype: .float64, on: nil)
        let (a, d, dw) = (x.pointer(Double.self), dy.pointer(Double.self), result.pointer(Double.self))
        visit(sizes) { dw[$2] += a[$1] * d[$0] }
        return result
    }

    /// Every product that a convolution adds up: positions in the output, the input and the weights.
    @inline(__always)
    private static func visit(_ s: ConvolutionSizes, _ product: (_ output: Int, _ input: Int, _ weight: Int) -> Void) {
        let (outputHeight, outputWidth) = (s.outputHeight, s.outputWidth)
        for n in 0..<s.batch {
            for o in 0..<s.outputs {
                let group = o / s.outputsPerGroup
                for c in 0..<s.inputsPerGroup {
                    let plane = (n * s.inputs + group * s.inputsPerGroup + c) * s.height
                    for kh in 0..<s.kernelHeight {
                        for kw in 0..<s.kernelWidth {
                            let weight = ((o * s.inputsPerGroup + c) * s.kernelHeight + kh) * s.kernelWidth + kw
                            for row in 0..<outputHeight {
                                let y = row * s.stride.height - s.padding.height + kh * s.dilation.height
                                guard y >= 0, y < s.height else { continue }
                                for column in 0..<outputWidth {
                                    let x = column * s.stride.width - s.padding.width + kw * s.dilation.width
                                    guard x >= 0, x < s.width else { continue }
                                    product(
                                        ((n * s.outputs + o) * outputHeight + row) * outputWidth + column,
                                        (plane + y) * s.width + x, weight)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
