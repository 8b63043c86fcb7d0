import Testing

@testable import Tensors

/// The largest difference between the gradient and central differences of Σ f(x)·r in `float64`.
func gradientError(_ x: Tensor, _ function: (Tensor) -> Tensor) -> Double {
    let shape = function(x).shape
    let weights = Tensor.normal(shape, seed: 99).converted(to: .float64)
    func loss(_ x: Tensor) -> Tensor { (function(x) * weights).sum() }
    let gradient = valueAndGradient(at: x, loss).gradient.doubles
    let values = x.doubles
    var worst = 0.0
    for index in values.indices {
        var (up, down) = (values, values)
        up[index] += 1e-5
        down[index] -= 1e-5
        let slope = (loss(Tensor(up, shape: x.shape)).doubles[0] - loss(Tensor(down, shape: x.shape)).doubles[0]) / 2e-5
        worst = max(worst, abs(slope - gradient[index]) / max(1, abs(slope)))
    }
    return worst
}

func random(_ shape: Shape, _ seed: Int = 1) -> Tensor { Tensor.normal(shape, seed: seed).converted(to: .float64) }

/// An operation to be checked.
struct Operation: Sendable, CustomTestStringConvertible {
    let name: String
    let function: @Sendable (Tensor) -> Tensor
    init(_ name: String, _ function: @escaping @Sendable (Tensor) -> Tensor) {
        self.name = name
        self.function = function
    }
    var testDescription: String { name }
}

let operations = [
    Operation("exp") { $0.exp() },
    Operation("sigmoid") { sigmoid($0) },
    Operation("tanh") { tanh($0) },
    Operation("relu") { relu($0) },
    Operation("squared") { $0.squared() },
    Operation("log") { ($0.squared() + 1).log() },
    Operation("/") { $0 / ($0.squared() + 2) },
    Operation("softmax") { softmax($0) },
    Operation("logSoftmax") { logSoftmax($0, axis: 1) },
    Operation("mean") { $0.mean(axis: 0) },
    Operation("max") { $0.max(axis: -1) },
    Operation("variance") { $0.variance(axes: [0, 2]) },
    Operation("transposed") { $0.transposed(0, 2) },
    Operation("sliced") { $0.sliced(axis: 1, 0..<3, step: 2) },
    Operation("gathered") { $0.gathered([2, 0, 2], axis: 1) },
    Operation("concatenated") { concatenated([$0, $0 * 2], axis: 2) },
    Operation("broadcast") { $0.mean(axis: 2, keepDims: true) * $0 },
    Operation("matmul") { matmul($0, $0.transposed(1, 2)) },
    Operation("power") { ($0.squared() + 1).power(1.5) },
    Operation("clamped") { $0.clamped(-0.5...0.5) },
    Operation("maximum") { maximum($0, $0 * 0.5 + 0.1) },
    Operation("where") { `where`($0 .> 0, $0 * 3, $0 * $0) },
]

@Suite struct GradientTests {
    @Test(arguments: operations)
    func gradientsMatchDifferences(operation: Operation) {
        #expect(gradientError(random([2, 3, 4]), operation.function) < 1e-7)
    }

    @Test func convolutionGradientsMatchDifferences() {
        let x = random([2, 4, 6, 5])
        let w = random([6, 2, 3, 3], 2)
        for (stride, padding, dilation) in [(1, 0, 1), (2, 1, 1), (1, 2, 2)] {
            #expect(
                gradientError(x) {
                    conv2D($0, weight: w, stride: stride, padding: padding, dilation: dilation, groups: 2)
                } < 1e-7)
            #expect(
                gradientError(w) {
                    conv2D(x, weight: $0, stride: stride, padding: padding, dilation: dilation, groups: 2)
                } < 1e-7)
        }
        #expect(gradientError(x) { maxPool($0, 3, stride: 2, padding: 1) } < 1e-7)
        #expect(gradientError(x) { averagePool($0, 2) } < 1e-7)
        let labels = Tensor([0, 2, 1] as [Int32])
        #expect(gradientError(random([3, 4])) { crossEntropy($0, labels) } < 1e-7)
    }

    @Test func gradientsOfGradientsAreExact() {
        // f = x⁴: f'' = 12 x².
        let x = Tensor([2.0] as [Double], shape: [])
        let (_, second) = valueAndGradient(at: x) { x in
            valueAndGradient(at: x) { ($0.squared() * $0.squared()) }.gradient
        }
        #expect(second.doubles == [48])
        // Through a convolution: the gradient of Σ conv(x, w)² with respect to x, differentiated by w.
        let image = random([1, 1, 4, 4])
        #expect(
            gradientError(random([1, 1, 2, 2], 3)) { w in
                valueAndGradient(at: image) { conv2D($0, weight: w).squared().sum() }.gradient
            } < 1e-7)
    }

    /// Float kernels against the plain ones in float64, at sizes with every kind of remainder.
    @Test(arguments: [
        (16, 1, 20, 28, 28, 5, 0), (16, 20, 50, 12, 12, 5, 0), (24, 3, 7, 9, 11, 3, 1), (40, 2, 5, 13, 6, 5, 2),
        (16, 5, 4, 40, 33, 3, 1), (15, 4, 6, 8, 8, 3, 0), (3, 2, 3, 7, 7, 3, 1), (2, 3, 4, 9, 9, 7, 3),
    ])
    func directConvolutionsMatchPlainOnes(
        batch: Int, inputs: Int, outputs: Int, height: Int, width: Int, kernel: Int, padding: Int
    ) {
        let x = Tensor.normal([batch, inputs, height, width], seed: 1)
        let w = Tensor.normal([outputs, inputs, kernel, kernel], seed: 2)
        let b = Tensor.normal([outputs], seed: 3)
        func run(_ x: Tensor, _ w: Tensor, _ b: Tensor, pool: Bool, rectify: Bool) -> [Tensor] {
            var kept = x
            let (_, gradients) = valueAndGradient(at: [x, w, b]) { inputs in
                var y = conv2D(inputs[0], weight: inputs[1], bias: inputs[2], padding: padding)
                if rectify { y = relu(y) }
                if pool { y = maxPool(y, 2) }
                kept = y
                return (y * Tensor.normal(y.shape, seed: 4).converted(to: y.dtype)).sum()
            }
            return [kept] + gradients
        }
        for (pool, rectify) in [(false, false), (false, true), (true, false), (true, true)] {
            let fast = run(x, w, b, pool: pool, rectify: rectify)
            let plain = run(
                x.converted(to: .float64), w.converted(to: .float64), b.converted(to: .float64), pool: pool,
                rectify: rectify)
            for (index, pair) in zip(fast, plain).enumerated() {
                let scale = pair.1.magnitude().max().doubles[0]
                let error = (pair.0.converted(to: .float64) - pair.1).magnitude().max().doubles[0]
                #expect(error < 2e-5 * scale, "result \(index), pool \(pool), rectify \(rectify): \(error) of \(scale)")
            }
        }
    }
}
