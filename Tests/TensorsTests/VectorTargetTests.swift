import CKernels
import Testing

@testable import Tensors

/// Runs `body` once with each set of kernels that this processor has, the plain one first.
func forEachVectorTarget(_ body: (_ name: String) -> Void) {
    defer { kernels_use_table(-1) }
    var index: Int32 = 0
    while let table = kernels_table_at(index) {
        kernels_use_table(index)
        body(String(cString: table.pointee.name))
        index += 1
    }
}

/// The kernels themselves against plain loops in double precision, with every kind of remainder.
@Suite struct VectorTargetTests {
    private func numbers(_ count: Int, _ seed: Int) -> [Float] { Tensor.normal([max(count, 1)], seed: seed).scalars }
    private func positive(_ count: Int, _ seed: Int) -> [Float] { Tensor.uniform([max(count, 1)], seed: seed).scalars }

    /// Of both signs, and of one: then nothing cancels, and a sum in one order of some hundred products is beyond the bound.
    @Test(arguments: 1...40, [false, true])
    func productsAreWithinRoundingAtEveryTail(columns: Int, isOneSigned: Bool) {
        let rows = columns % 9 + 1
        let inner = isOneSigned ? 40 * columns : 3 * columns % 37 + 1
        let (a, b) =
            isOneSigned
            ? (positive(rows * inner, 1), positive(inner * columns, 2))
            : (numbers(rows * inner, 1), numbers(inner * columns, 2))
        forEachVectorTarget { target in
            var c = [Float](repeating: 7, count: rows * columns)
            kernels_table().pointee.multiply(
                a, Int64(inner), 1, b, Int64(columns), &c, Int64(columns), Int64(rows), Int64(columns), Int64(inner), 0)
            var worst = 0.0
            for row in 0..<rows {
                for column in 0..<columns {
                    var (exact, bound) = (0.0, 0.0)
                    for k in 0..<inner {
                        let term = Double(a[row * inner + k]) * Double(b[k * columns + column])
                        exact += term
                        bound += term.magnitude
                    }
                    worst = max(worst, (Double(c[row * columns + column]) - exact).magnitude / bound)
                }
            }
            #expect(worst <= 4 * 0x1p-23, "\(target), [\(rows), \(inner)] by [\(inner), \(columns)]: \(worst)")
        }
    }

    @Test(arguments: Array(1...40) + [784])
    func productsWithAVectorAreWithinRounding(inner: Int) {
        let outputs = inner % 7 + 1
        let (w, x, bias) = (numbers(outputs * inner, 1), numbers(inner, 2), numbers(outputs, 3))
        forEachVectorTarget { target in
            for offsets in [nil, bias] {
                var y = [Float](repeating: 7, count: outputs + 1)
                kernels_table().pointee.multiplyVector(w, Int64(inner), Int64(outputs), Int64(inner), x, offsets, &y)
                for o in 0..<outputs {
                    let terms =
                        (0..<inner).map { Double(w[o * inner + $0]) * Double(x[$0]) } + [Double(offsets?[o] ?? 0)]
                    let (exact, bound) = (terms.reduce(0, +), terms.reduce(0) { $0 + $1.magnitude })
                    #expect((Double(y[o]) - exact).magnitude <= 4 * 0x1p-23 * bound, "\(target), \(outputs)x\(inner)")
                }
                #expect(y[outputs] == 7)
            }
        }
    }

    @Test(arguments: [1, 7, 8, 15, 16, 17, 31, 33, 64, 100])
    func transposingMovesEveryElement(size: Int) {
        let (rows, columns) = (size, size * 3 % 29 + 1)
        let from = numbers(rows * columns, 1)
        forEachVectorTarget { target in
            var to = [Float](repeating: 0, count: rows * columns)
            kernels_table().pointee.transpose(from, Int64(rows), Int64(columns), Int64(columns), &to, Int64(rows))
            let isRight = (0..<rows * columns).allSatisfy { to[$0 % columns * rows + $0 / columns] == from[$0] }
            #expect(isRight, "\(target), [\(rows), \(columns)]")
        }
    }

    @Test(arguments: [1, 7, 8, 15, 16, 17, 31, 33, 1000])
    func stepsAndSumsMatchTheirFormulas(count: Int) {
        let (weights, gradient, moments) = (numbers(count, 1), numbers(count, 2), numbers(count, 3))
        let parts = numbers(3 * count, 4)
        forEachVectorTarget { target in
            for nesterov in [false, true] {
                var (p, m) = (weights, moments)
                kernels_table().pointee.momentumStep(
                    &p, gradient, &m, Int64(count), 0.1, 0.9, 0.01, nesterov ? 1 : 0)
                var worst = 0.0
                for i in 0..<count {
                    let slope = Double(gradient[i]) + 0.01 * Double(weights[i])
                    let moment = 0.9 * Double(moments[i]) + slope
                    let expected = Double(weights[i]) - 0.1 * (nesterov ? slope + 0.9 * moment : moment)
                    worst = max(worst, (Double(p[i]) - expected).magnitude, (Double(m[i]) - moment).magnitude)
                }
                // The numbers are below 6 in size, a handful of roundings each.
                #expect(worst < 6 * 4 * 0x1p-23, "\(target), \(count) values, Nesterov \(nesterov): \(worst)")
            }
            var plain = weights
            kernels_table().pointee.plainStep(&plain, gradient, Int64(count), 0.1, 0.01)
            let worst = (0..<count).map {
                (Double(plain[$0]) - Double(weights[$0]) * (1 - 0.1 * 0.01) + 0.1 * Double(gradient[$0])).magnitude
            }.max()!
            #expect(worst < 6 * 2 * 0x1p-23, "\(target), \(count) values without momentum: \(worst)")
            var sums = [Float](repeating: 0, count: count)
            kernels_table().pointee.sumParts(parts, 3, Int64(count), Int64(count), &sums)
            let isRight = (0..<count).allSatisfy { sums[$0] == parts[$0] + parts[count + $0] + parts[2 * count + $0] }
            #expect(isRight, "\(target), sums of \(count)")
        }
    }
}
