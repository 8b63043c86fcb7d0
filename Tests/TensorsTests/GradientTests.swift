import Foundation
import Testing

@testable import Tensors

/// What PyTorch computed in float64: see Tests/Golden/operations.py.
private let golden: Safetensors? = try? Safetensors(path: "\(goldenFolder)/operations.safetensors")

/// In the project, or where a bundle for another machine has it.
private let goldenFolder =
    ProcessInfo.processInfo.environment["SWIFT_LAB_GOLDEN"]
    ?? #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Golden"

/// The largest difference of two tensors, relative to the second where that is large.
func difference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return zip(a.doubles, b.doubles).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
}

/// Central differences of the sum of f(inputs) · weights by one of the inputs.
func slopes(_ inputs: [Tensor], _ number: Int, _ weights: Tensor, _ function: ([Tensor]) -> Tensor) -> Tensor {
    let values = inputs[number].doubles
    func loss(_ values: [Double]) -> Double {
        var inputs = inputs
        inputs[number] = Tensor(values, shape: inputs[number].shape)
        return (function(inputs) * weights).sum().doubles[0]
    }
    return Tensor(
        values.indices.map { index in
            var (up, down) = (values, values)
            up[index] += 1e-5
            down[index] -= 1e-5
            return (loss(up) - loss(down)) / 2e-5
        }, shape: inputs[number].shape)
}

func random(_ shape: Shape, _ seed: Int = 1) -> Tensor { Tensor.normal(shape, seed: seed).converted(to: .float64) }

@Suite struct OperationTests {
    @Test(arguments: operations)
    func agreesWithPyTorchAndWithDifferences(operation: Operation) throws {
        let golden = try #require(golden)
        let name = operation.name
        let inputs = (0..<4).compactMap { golden["\(name)/input\($0)"] }.map(onTestedDevice)
        let result = try #require(golden["\(name)/result"])
        let single = inputs.map { $0.converted(to: .float32) }
        let found = operation.function(inputs)
        #expect(difference(found, result) < 1e-13)
        #expect(found.device == testedDevice, "computed where the operands lie")
        // In float32: the fast kernels where there are any.
        #expect(difference(operation.function(single), result) < 2e-5)
        // A pass over the shapes alone comes to the same shape; a mask's result depends on the elements.
        if name != "mask" {
            #expect(operation.function(inputs.map { Tensor(shapeOnly: $0.shape, .float64) }).shape == result.shape)
        }
        // Comparisons and positions have no gradient.
        guard let weights = golden["\(name)/weights"] else { return }
        let (_, gradients) = valueAndGradient(at: inputs) { (operation.function($0) * weights).sum() }
        for (number, gradient) in gradients.enumerated() {
            #expect(
                difference(gradient, try #require(golden["\(name)/gradient\(number)"])) < 1e-12, "gradient \(number)")
            #expect(gradient.device == testedDevice)
            // Differences show whether the formula is right, which is the same one on every device.
            guard testedDevice == .cpu else { continue }
            // Rounding errors of 1e-16 over steps of 1e-5, and curvature.
            #expect(difference(gradient, slopes(inputs, number, weights, operation.function)) < 1e-7, "slope \(number)")
        }
        let (_, quick) = valueAndGradient(at: single) {
            (operation.function($0) * weights.converted(to: .float32)).sum()
        }
        for (number, gradient) in quick.enumerated() {
            #expect(difference(gradient, golden["\(name)/gradient\(number)"]!) < 1e-4, "float32 gradient \(number)")
        }
    }

    /// Gradients of gradients against central differences of the gradients, which the test above has found right.
    @Test(arguments: operations)
    func canBeDifferentiatedTwice(operation: Operation) throws {
        let golden = try #require(golden)
        let name = operation.name
        let inputs = (0..<4).compactMap { golden["\(name)/input\($0)"] }
        guard let weights = golden["\(name)/weights"] else { return }
        func gradients(_ inputs: [Tensor]) -> [Tensor] {
            valueAndGradient(at: inputs) { (operation.function($0) * weights).sum() }.gradients
        }
        for first in inputs.indices {
            let other = random(inputs[first].shape, 5)
            let (_, seconds) = valueAndGradient(at: inputs) { (gradients($0)[first] * other).sum() }
            if testedDevice != .cpu {
                let moved = inputs.map(onTestedDevice)
                let (_, found) = valueAndGradient(at: moved) { (gradients($0)[first] * other).sum() }
                for (second, pair) in zip(found, seconds).enumerated() {
                    #expect(difference(pair.0, pair.1) < 1e-12, "of input \(first) and \(second)")
                }
                continue
            }
            for second in inputs.indices {
                #expect(
                    difference(seconds[second], slopes(inputs, second, other) { gradients($0)[first] }) < 1e-6,
                    "of input \(first) and \(second)")
            }
        }
    }

    @Test func everyGoldenOperationIsInTheTable() throws {
        let names = Set(try #require(golden).tensors.map { String($0.name.split(separator: "/")[0]) })
        #expect(names == Set(operations.map(\.name)))
    }
}

@Suite struct GradientTests {
    @Test func gradientsOfGradientsAreExact() {
        // f = x⁴: f'' = 12 x².
        let x = Tensor([2.0] as [Double], shape: [])
        let (_, second) = valueAndGradient(at: x) { x in
            valueAndGradient(at: x) { ($0.squared() * $0.squared()) }.gradient
        }
        #expect(second.doubles == [48])
        // Through a convolution: the gradient of Σ conv(x, w)² with respect to x, differentiated by w.
        let image = random([1, 1, 4, 4])
        let function: ([Tensor]) -> Tensor = { inputs in
            valueAndGradient(at: image) { conv2D($0, weight: inputs[0]).squared().sum() }.gradient
        }
        let (filter, weights) = (random([1, 1, 2, 2], 3), random([1, 1, 4, 4], 4))
        let (_, gradient) = valueAndGradient(at: filter) { (function([$0]) * weights).sum() }
        #expect(difference(gradient, slopes([filter], 0, weights, function)) < 1e-7)
    }

    @Test func thirdDerivativesAreExact() {
        // Of x^3 sin x: 6 sin x + 18 x cos x - 9 x^2 sin x - x^3 cos x.
        let x = Tensor([0.7] as [Double], shape: [])
        func derivative(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
            { valueAndGradient(at: $0, f).gradient }
        }
        let third = derivative(derivative(derivative { $0.power(3) * $0.sin() }))(x)
        let (s, c) = (x.sin(), x.cos())
        let exact = 6 * s + 18 * x * c - 9 * x * x * s - x * x * x * c
        #expect(difference(third, exact) < 1e-12)
    }

    @Test func usersGiveTheirOwnGradients() {
        let x = Tensor([0.3, 1.7])
        // Rounding, with a gradient as if there was none.
        let (value, gradient) = valueAndGradient(at: x) {
            (withCustomGradient(of: $0) {
                $0.rounded()
            } backward: {
                $0
            } * Tensor([1, 10])).sum()
        }
        #expect(value.item == 20 && gradient.scalars == [1, 10])
        let (_, gradients) = valueAndGradient(at: [x, x]) { inputs in
            withCustomGradient(of: inputs) {
                $0[0] * $0[1]
            } backward: {
                [$0 * 5, nil]
            }.sum()
        }
        #expect(gradients[0].scalars == [5, 5] && gradients[1].scalars == [0, 0])
        // Written with tensors it can be differentiated again: the cube, with 3 y^2 given by hand, has 6 y.
        let y = Tensor([2.0] as [Double], shape: [])
        let (_, second) = valueAndGradient(at: y) { y in
            valueAndGradient(at: y) { y in
                withCustomGradient(of: y) {
                    $0 * $0 * $0
                } backward: {
                    $0 * 3 * y.squared()
                }
            }.gradient
        }
        #expect(second.doubles == [12])
    }

    @Test func constantsHaveNoGradient() {
        let x = Tensor([2, 3])
        let (value, gradient) = valueAndGradient(at: x) { x in
            var y = x * x.withoutGradient()
            y += withoutGradient { x * 100 }
            y *= 2.0
            y -= 1.0
            y /= 4.0
            return y.sum()
        }
        // (2 (x c + 100 c) - 1) / 4 at c = x = 2 and 3, 101.75 and 154.25, with the slope c / 2.
        #expect(value.item == 256)
        #expect(gradient.scalars == [1, 1.5])
    }

    @Test func whatIsLeftOutInsideWhatIsLeftOutEndsNothing() {
        let (_, gradient) = valueAndGradient(at: Tensor([3])) { x in
            let constant = withoutGradient {
                let inner = withoutGradient { x * 2 }
                return inner + x
            }
            return (constant * x).sum()
        }
        #expect(gradient.scalars == [9], "the constant is 9")
    }

    /// Float kernels against the plain ones in float64, at sizes with every kind of remainder.
    @Test(arguments: [
        (16, 1, 20, 28, 28, 5, 0), (16, 20, 50, 12, 12, 5, 0), (24, 3, 7, 9, 11, 3, 1), (40, 2, 5, 13, 6, 5, 2),
        (16, 5, 4, 40, 33, 3, 1), (18, 50, 6, 10, 8, 5, 2), (33, 12, 9, 8, 10, 5, 1), (15, 4, 6, 8, 8, 3, 0),
        (3, 2, 3, 7, 7, 3, 1), (2, 3, 4, 9, 9, 7, 3),
    ])
    func directConvolutionsMatchPlainOnes(
        batch: Int, inputs: Int, outputs: Int, height: Int, width: Int, kernel: Int, padding: Int
    ) {
        forEachVectorTarget { target in
            convolutionsMatch(target, batch, inputs, outputs, height, width, kernel, padding)
        }
    }

    private func convolutionsMatch(
        _ target: String, _ batch: Int, _ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int, _ kernel: Int,
        _ padding: Int
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
                let scale = pair.1.magnitude().maximum().doubles[0]
                let error = (pair.0.converted(to: .float64) - pair.1).magnitude().maximum().doubles[0]
                #expect(
                    error < 2e-5 * scale,
                    "\(target): result \(index), pool \(pool), rectify \(rectify): \(error) of \(scale)")
            }
        }
    }
}

@Suite struct ProductTests {
    /// 4·ε·Σ|ab| of the plain product, at sizes with every kind of remainder, both ways of every operand.
    @Test(arguments: [(64, 500, 800), (8, 16, 1), (65, 67, 501), (16, 64, 700), (7, 5, 3), (100, 130, 33), (1, 10, 20)])
    func productsMatchPlainOnes(rows: Int, columns: Int, inner: Int) {
        forEachVectorTarget { productsMatch($0, rows, columns, inner) }
    }

    private func productsMatch(_ target: String, _ rows: Int, _ columns: Int, _ inner: Int) {
        for (turnsLeft, turnsRight) in [(false, false), (true, false), (false, true), (true, true)] {
            let a = Tensor.normal(turnsLeft ? [inner, rows] : [rows, inner], seed: 1)
            let b = Tensor.normal(turnsRight ? [columns, inner] : [inner, columns], seed: 2)
            let fast = product(a, b, transposeLeft: turnsLeft, transposeRight: turnsRight).doubles
            func plain(_ a: Tensor, _ b: Tensor) -> [Double] {
                product(
                    a.converted(to: .float64), b.converted(to: .float64), transposeLeft: turnsLeft,
                    transposeRight: turnsRight
                ).doubles
            }
            let (exact, bound) = (plain(a, b), plain(a.magnitude(), b.magnitude()))
            let isClose = fast.indices.allSatisfy { abs(fast[$0] - exact[$0]) <= 4 * 0x1p-23 * bound[$0] }
            #expect(isClose, "\(target): left turned \(turnsLeft), right turned \(turnsRight)")
        }
    }
}
