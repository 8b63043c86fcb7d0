import Testing

@testable import Tensors

/// Which operation accepts which type, and what becomes of numbers at the edges.
@Suite struct ElementTypeTests {
    private let bytes = Tensor(bytes: [3, 200, 255])
    private let whole = Tensor([1, -2, .max] as [Int32])
    private let mask = Tensor([true, false, true])
    private let half = Tensor([1, 2, 3]).converted(to: .bfloat16)

    @Test func resultsHaveTheWiderType() {
        let double = Tensor(1, dtype: .float64)
        let cases: [(String, Tensor, DType)] = [
            ("uint8 + uint8", bytes + bytes, .uint8), ("uint8 + int32", bytes + whole, .int32),
            ("bool + bool", mask + mask, .bool), ("bool + int32", mask + whole, .int32),
            ("bool * float32", mask * Tensor([1, 2, 3]), .float32),
            ("int32 / int32", whole / whole, .float32), ("uint8 + 1", bytes + 1, .int32),
            ("int32 + 0.5", whole + 0.5, .float32), ("float32 + float64", Tensor(1) + double, .float64),
            ("int32 + float64", whole + double, .float64), ("-uint8", -bytes, .int32),
            ("bfloat16 + bfloat16", half + half, .float32), ("bfloat16 + 1", half + 1, .float32),
            ("exp of int32", whole.exp(), .float32), ("sum of bool", mask.sum(), .int32),
            ("sum of uint8", bytes.sum(), .int32), ("mean of uint8", bytes.mean(), .float32),
            ("maximum of uint8", bytes.maximum(), .uint8), ("comparison", bytes .< whole, .bool),
            ("argmax", whole.argmax(), .int32), ("matmul of int32", matmul(whole, whole), .float32),
            ("concatenated", concatenated([bytes, whole]), .int32), ("int32 % 2", whole % 2, .int32),
            ("bfloat16 taken apart", half[1...], .bfloat16),
            ("bfloat16 put together", concatenated([half, half]), .bfloat16),
        ]
        for (name, result, dtype) in cases { #expect(result.dtype == dtype, "\(name)") }
    }

    /// NumPy would begin anew at the other end; for pixels the nearest number is what is wanted.
    @Test func wholeNumbersEndWhereTheirTypeEnds() {
        #expect((bytes + bytes).bytes == [6, 255, 255] && (bytes - Tensor(bytes: [5, 5, 5])).bytes == [0, 195, 250])
        #expect((whole + whole).int32s == [2, -4, .max] && (whole * whole).int32s == [1, 4, .max])
        #expect((whole * -1).int32s == [-1, 2, -.max] && whole.sum().int32s == [.max - 1])
        #expect(Tensor([1.9, -1.9, 3e9, -3e9, .nan, .infinity]).int32s == [1, -1, .max, .min, 0, .max])
        let numbers = Tensor([1.9, -1.9, 300, .nan, .infinity])
        #expect(numbers.converted(to: .uint8).bytes == [1, 0, 255, 0, 255])
        #expect(numbers.converted(to: .bool).bytes == [1, 1, 1, 1, 1], "NaN is not 0")
        #expect((Tensor([7, -7] as [Int32]) % 3).int32s == [1, -1])
        #expect((whole % Tensor([0] as [Int32])).int32s == [0, 0, 0])
        #expect((mask + mask).bytes == [1, 0, 1])
        #expect((Tensor([7] as [Int32]) / Tensor([2] as [Int32])).scalars == [3.5])
    }

    /// The nearest number of eight bits, halves to the even one: 1 + 1/128 and 1 + 2/128 are neighbours.
    @Test func bfloat16KeepsEightBits() {
        let values = Tensor([0x1.02p0, 0x1.01p0, 0x1.03p0, -3.0e38, .nan, .infinity, 0x1p-133])
        let back: [Float] = values.converted(to: .bfloat16).scalars
        let rounded: [Float] = [0x1.02p0, 1, 0x1.04p0]
        #expect(Array(back[..<3]) == rounded)
        let error: Float = abs(back[3] / -3.0e38 - 1)
        #expect(error < 0x1p-8)
        #expect(back[4].isNaN)
        #expect(back[5] == .infinity && back[6] > 0)
    }

    @Test func notANumberIsNeverLost() {
        let x = Tensor([1, .nan, 3, 2])
        #expect(x.maximum().item.isNaN && x.minimum().item.isNaN && x.mean().item.isNaN)
        let columns = x.reshaped(2, 2).maximum(axis: 0).scalars
        #expect(columns[0] == 3 && columns[1].isNaN)
        #expect(maximum(x, 2).scalars[1].isNaN && minimum(Tensor([2]), x).scalars[1].isNaN)
        #expect(x.argmax().int32s == [1] && x.argmin().int32s == [1] && x.topK(1).positions.int32s == [1])
        #expect(x.argsort().int32s == [0, 3, 2, 1] && x.argsort(descending: true).int32s == [1, 2, 3, 0])
        #expect(relu(x).scalars[1].isNaN && x.clamped(0...1).scalars[1].isNaN)
        #expect(maxPool(x.reshaped(1, 1, 2, 2), 2).item.isNaN)
        #expect(leakyReLU(x).scalars[1].isNaN && sigmoid(x).scalars[1].isNaN)
        let shares: [Float] = softmax(x).scalars
        let allNaN: Bool = shares.allSatisfy { $0.isNaN }
        #expect(allNaN)
        #expect(`where`(x .> 2, x, Tensor(0)).scalars == [0, 0, 3, 0], "what is not chosen does not count")
        #expect(crossEntropy(x.reshaped(1, 4), Tensor([0] as [Int32])).item.isNaN)
    }

    /// In vectors and their tails, alone and fused, in every way that a convolution is computed.
    @Test func notANumberPassesEveryKernel() {
        for count in [3, 16, 37, 100] {
            for place in [0, count - 1] {
                var x = Tensor.normal([count], seed: 1)
                x[place] = Tensor(.nan)
                let results = [
                    relu(x), maximum(x, 0), minimum(x, 0), maximum(Tensor(0), x), x.clamped(0...1), x.exp(), -x,
                ]
                for (index, result) in results.enumerated() {
                    #expect(result.scalars[place].isNaN, "function \(index), element \(place) of \(count)")
                }
            }
        }
        for (batch, channels, kernel) in [(1, 2, 3), (16, 2, 3), (16, 2, 5), (16, 2, 7), (8, 32, 3)] {
            var images = Tensor.normal([batch, channels, 12, 12], seed: 1)
            images[batch - 1, 0, 5, 5] = Tensor(.nan)
            let weight = Tensor.normal([32, channels, kernel, kernel], seed: 2)
            let results = [
                relu(conv2D(images, weight: weight)), maxPool(relu(conv2D(images, weight: weight)), 2),
            ]
            for (index, result) in results.enumerated() {
                let first: [Float] = result[batch - 1, 0].scalars
                let hasNaN: Bool = first.contains { $0.isNaN }
                #expect(hasNaN, "batch \(batch), \(channels) channels, kernel \(kernel), pooled \(index)")
            }
        }
    }

    @Test func gradientsPassBetweenTypes() {
        let x = Tensor([1, 2, 3])
        let factors = Tensor([1, 10, 100] as [Double])
        let (_, wide) = valueAndGradient(at: x) { ($0.converted(to: .float64) * factors).sum() }
        #expect(wide.scalars == [1, 10, 100] && wide.dtype == .float32)
        let (_, mixed) = valueAndGradient(at: x) { ($0 * factors).sum() }
        #expect(mixed.scalars == [1, 10, 100] && mixed.dtype == .float32)
        let (value, stored) = valueAndGradient(at: half) { ($0[1...] * $0[1...]).sum() }
        #expect(value.item == 13 && stored.scalars == [0, 4, 6] && stored.dtype == .float32)
    }
}

/// Axes of size 0 are data, too: the last batch of nothing, a mask that is true nowhere.
@Suite struct EmptyTensorTests {
    private let rows = Tensor.zeros([0, 3])
    private let columns = Tensor.zeros([2, 0])

    @Test func operationsOfNothingHaveTheirShapes() {
        let images = Tensor.zeros([0, 2, 4, 4])
        let cases: [(String, Tensor, Shape)] = [
            ("+", rows + Tensor.zeros([3]), [0, 3]), ("+ broadcast", columns + Tensor.zeros([2, 1]), [2, 0]),
            (".<", rows .< 1, [0, 3]), ("where", `where`(rows .> 0, rows, Tensor(1)), [0, 3]),
            ("exp", rows.exp(), [0, 3]), ("sum", rows.sum(axis: 0), [3]), ("sum of rows", rows.sum(axis: 1), [0]),
            ("mean", rows.mean(axis: 1), [0]), ("maximum of rows", rows.maximum(axis: 1), [0]),
            ("argmax of rows", rows.argmax(), [0]), ("argsort", columns.argsort(), [2, 0]),
            ("sorted", rows.sorted(), [0, 3]), ("topK", columns.topK(0).values, [2, 0]),
            ("cumulativeSum", columns.cumulativeSum(axis: 1), [2, 0]), ("softmax", softmax(columns), [2, 0]),
            ("logSoftmax", logSoftmax(rows), [0, 3]), ("matmul", matmul(rows, Tensor.zeros([3, 4])), [0, 4]),
            ("inner 0", matmul(columns, rows), [2, 3]), ("transposed", rows.transposed(), [3, 0]),
            ("reshaped", rows.reshaped(0, 7), [0, 7]), ("gathered", Tensor.zeros([4, 2]).gathered([]), [0, 2]),
            ("concatenated", concatenated([rows, rows]), [0, 3]),
            ("padded", columns.padded(axis: 1, before: 1, after: 1), [2, 2]),
            ("oneHot", rows.oneHot(classes: 2), [0, 3, 2]), ("mask", rows[rows .> 0], [0]),
            ("part", Tensor.zeros([4])[2..<2], [0]),
            ("conv2D", conv2D(images, weight: Tensor.zeros([3, 2, 3, 3])), [0, 3, 2, 2]),
            ("no channels", conv2D(Tensor.zeros([1, 0, 5, 5]), weight: Tensor.zeros([3, 0, 3, 3])), [1, 3, 3, 3]),
            ("maxPool", maxPool(images, 2), [0, 2, 2, 2]), ("averagePool", averagePool(images, 2), [0, 2, 2, 2]),
            ("layerNorm", layerNorm(rows, scale: Tensor.ones([3]), offset: Tensor.zeros([3])), [0, 3]),
        ]
        for (name, result, shape) in cases {
            #expect(result.shape == shape, "\(name)")
            #expect(result.doubles.allSatisfy { $0 == 0 }, "\(name): a sum of nothing is 0")
        }
        #expect(rows.mean().item.isNaN && rows.sum().item == 0)
        #expect(crossEntropy(rows, Tensor([] as [Int32])).item.isNaN, "the mean of nothing")
        #expect(rows.description == "[]  [0, 3] float32" && columns.description == "[[],\n []]  [2, 0] float32")
    }

    @Test func gradientsOfNothingAreZero() {
        let (_, gradients) = valueAndGradient(at: [rows, Tensor.ones([3, 4])]) { matmul($0[0], $0[1]).sum() }
        #expect(gradients[0].shape == [0, 3] && gradients[1].scalars == [Float](repeating: 0, count: 12))
        let (_, filters) = valueAndGradient(at: Tensor.ones([3, 2, 3, 3])) {
            conv2D(Tensor.zeros([0, 2, 5, 5]), weight: $0).sum()
        }
        #expect(filters.magnitude().sum().item == 0)
    }

    @Test func scalarsAndNoAxesAreFine() {
        let x = Tensor(2)
        #expect(x.sum().item == 2 && x.mean().item == 2 && x.maximum().item == 2 && x.transposed().item == 2)
        #expect((x + Tensor([1, 2])).scalars == [3, 4] && x.reshaped(1, 1).shape == [1, 1] && x[...].item == 2)
        let y = Tensor([1, 2, 3])
        #expect(y.sum(axes: []).scalars == [1, 2, 3] && y.mean(axes: []).scalars == [1, 2, 3])
        #expect(y.maximum(axes: []).scalars == [1, 2, 3] && y.variance(axes: []).scalars == [0, 0, 0])
        #expect(y.sum(axis: -1).item == 6 && y.reshaped(1, 3).sum(axes: [-1, 0]).item == 6)
        #expect(Tensor.linear(-1...1, count: 5).scalars == [-1, -0.5, 0, 0.5, 1])
        #expect(Tensor.linear(2...3, count: 1).item == 2 && Tensor.identity(2).scalars == [1, 0, 0, 1])
        #expect(Tensor.ones([2]).scalars == [1, 1])
    }
}
