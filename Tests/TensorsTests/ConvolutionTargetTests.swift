import CKernels
import Testing

@testable import Tensors

/// The fast ways of convolutions against the plain one, to 4·ε·Σ|ab|, with numbers of both signs and of one, where nothing
/// cancels and the rounding of long sums shows. Winograd's transforms add up what all outputs of a tile see: with numbers of
/// one sign an output at the border, of four or six products a channel, has the error of the tile's whole ones.
@Suite struct ConvolutionTargetTests {
    struct Sizes: Sendable, CustomTestStringConvertible {
        var batch, inputs, outputs, height, width, padding: Int
        var testDescription: String { "\(batch)x\(inputs)x\(height)x\(width) to \(outputs), padding \(padding)" }
    }

    /// Odd sizes (half a tile is thrown away), channels that do not fill 16, one panel of outputs and several, several
    /// images a block and several blocks an image, paddings that cut and that widen.
    @Test(
        arguments: [
            Sizes(batch: 1, inputs: 16, outputs: 16, height: 4, width: 4, padding: 1),
            Sizes(batch: 3, inputs: 32, outputs: 80, height: 7, width: 9, padding: 1),
            Sizes(batch: 5, inputs: 29, outputs: 45, height: 6, width: 5, padding: 0),
            Sizes(batch: 2, inputs: 16, outputs: 16, height: 45, width: 38, padding: 1),
            Sizes(batch: 1, inputs: 17 + 14, outputs: 128, height: 4, width: 11, padding: 2),
            Sizes(batch: 2, inputs: 256, outputs: 80, height: 8, width: 9, padding: 1),
            Sizes(batch: 9, inputs: 64, outputs: 64, height: 8, width: 8, padding: 1),
        ], [false, true])
    func winogradIsWithinRounding(_ s: Sizes, isOneSigned: Bool) throws {
        let sizes = ConvolutionSizes(
            "conv2D", [s.batch, s.inputs, s.height, s.width], [s.outputs, s.inputs, 3, 3], stride: .one,
            padding: s.padding.heightAndWidth, dilation: .one, groups: 1)
        let way = try #require(WinogradConvolution(sizes))
        let operands = [sizes.inputShape, sizes.weightShape, sizes.outputShape].enumerated().map {
            isOneSigned ? Tensor.uniform($1, seed: $0 + 1) : Tensor.normal($1, seed: $0 + 1)
        }
        let (x, w, dy) = (operands[0], operands[1], operands[2])
        let wide = [x, w, dy].map { $0.converted(to: .float64) }
        let sizesOf = wide.map { $0.magnitude() }
        func all(_ t: [Tensor]) -> [Tensor] {
            [
                PlainConvolution.forward(t[0], t[1], sizes), PlainConvolution.dataGradient(t[2], t[1], sizes),
                PlainConvolution.weightGradient(t[0], t[2], sizes),
            ]
        }
        let exact = all(wide)
        var bound = all(sizesOf)
        // The result and the input's gradient: an output at the border has fewer products than its tile's others, whose
        // rounding it shares (see above). Filters' gradients are sums over all tiles and keep their own bound.
        if isOneSigned { for way in 0..<2 { bound[way] = largestOfTiles(bound[way]) } }
        forEachVectorTarget { target in
            let ways = way.backward(x, w, dy, data: true, weights: true, bias: false)
            let fast = [way.forward(x, w, nil, rectify: false), ways.data!, ways.weight!]
            for (name, (fast, (exact, bound))) in zip(
                ["forward", "data gradient", "weight gradient"], zip(fast, zip(exact, bound)))
            {
                let worst = zip(fast.doubles, zip(exact.doubles, bound.doubles)).map { abs($0 - $1.0) / $1.1 }.max()!
                #expect(worst <= 4 * 0x1p-23, "\(target), \(name): \(worst / 0x1p-23) ε")
            }
            let zero = Tensor.zeros([s.outputs])
            let rectified = way.forward(x, w, zero, rectify: true).scalars
            #expect(rectified == fast[0].scalars.map { max($0, 0) }, "\(target), with ReLU")
        }
    }

    /// At each pixel of `[batch, channels, height, width]` the largest of its tile of 2x2.
    private func largestOfTiles(_ x: Tensor) -> Tensor {
        let (height, width) = (x.shape[2], x.shape[3])
        let tiles = maxPool(
            x.padded(axis: 2, before: 0, after: height % 2).padded(axis: 3, before: 0, after: width % 2), 2)
        return tiles.repeated(2, axis: 2).repeated(2, axis: 3)[..., 0..<height, 0..<width]
    }

    @Test(arguments: Array(1...40))
    func packingMovesEveryNumber(width: Int) {
        let (rows, left, stride) = (3, width % 3, 3 * width + width % 5)
        let pitch = left + width + width % 4
        let planes = (0..<16 * stride).map { Float($0 + 1) }
        forEachVectorTarget { target in
            for count in [1, 15, 16] {
                let packed = Buffer(byteCount: rows * pitch * 64)
                var back = [Float](repeating: 0, count: planes.count)
                kernels_table().pointee.pack(
                    planes, Int64(stride), Int64(count), Int64(rows), Int64(width), Int64(left), Int64(pitch),
                    packed.pointer())
                kernels_table().pointee.unpack(
                    packed.pointer(), Int64(rows), Int64(width), Int64(left), Int64(pitch), &back, Int64(stride),
                    Int64(count))
                let isRight = (0..<rows * pitch * 16).allSatisfy { place in
                    let (plane, column, row) = (place % 16, place / 16 % pitch - left, place / 16 / pitch)
                    let exists = plane < count && column >= 0 && column < width
                    let number = exists ? planes[plane * stride + row * width + column] : 0
                    return packed.pointer(Float.self)[place] == number
                        && (!exists || back[plane * stride + row * width + column] == number)
                }
                #expect(isRight, "\(target), \(count) planes of \(rows)x\(width)")
            }
        }
    }

    /// Determinism: which thread takes which block changes nothing.
    @Test func anyNumberOfThreadsGivesTheSameBits() throws {
        let sizes = ConvolutionSizes(
            "conv2D", [12, 32, 20, 20], [64, 32, 3, 3], stride: .one, padding: HeightAndWidth(height: 1, width: 0),
            dilation: .one, groups: 1)
        let way = try #require(WinogradConvolution(sizes))
        let (x, w) = (Tensor.normal(sizes.inputShape, seed: 1), Tensor.normal(sizes.weightShape, seed: 2))
        let dy = Tensor.normal(sizes.outputShape, seed: 3)
        let before = threadCount
        defer { threadCount = before }
        let results = [1, 2, 3].map { threads in
            threadCount = threads
            let ways = way.backward(x, w, dy, data: true, weights: true, bias: true)
            return [way.forward(x, w, nil, rectify: false), ways.data!, ways.weight!, ways.bias!].map(\.scalars)
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }
}
