import CKernels
import Foundation
import Testing

@testable import Tensors

/// Elementwise, normalisation and pooling kernels against plain loops, at every tail.
@Suite struct ElementwiseTargetTests {
    private func numbers(_ count: Int, _ seed: Int, scale: Float = 1) -> [Float] {
        Tensor.normal([max(count, 1)], seed: seed).scalars.map { $0 * scale }
    }

    /// Units in the last place of `exact` between it and `value`.
    private func units(_ value: Float, _ exact: Double) -> Double {
        if Double(value) == exact || (value.isNaN && exact.isNaN) { return 0 }
        return abs(Double(value) - exact) / Double(max(Float(exact).ulp, Float.leastNormalMagnitude))
    }

    @Test(arguments: Array(1...40) + [1000])
    func functionsAreWithinThreeUnits(count: Int) {
        let functions: [(KernelsFunction, String, Float, @Sendable (Double) -> Double)] = [
            (KernelsNegate, "negate", 1, { -$0 }), (KernelsSquare, "square", 1, { $0 * $0 }),
            (KernelsMagnitude, "magnitude", 1, { abs($0) }), (KernelsRectify, "rectify", 1, { max($0, 0) }),
            (KernelsSquareRoot, "squareRoot", 0, { $0.squareRoot() }), (KernelsExp, "exp", 20, { exp($0) }),
            (KernelsLog, "log", 0, { log($0) }), (KernelsTanh, "tanh", 1, { tanh($0) }),
            (KernelsSigmoid, "sigmoid", 10, { 1 / (1 + exp(-$0)) }),
        ]
        for (function, name, scale, exact) in functions {
            // Where only positive numbers make sense, of all sizes.
            let x = scale == 0 ? numbers(count, 1).map { expf(20 * $0) } : numbers(count, 1, scale: scale)
            forEachVectorTarget { target in
                var y = [Float](repeating: 7, count: count + 1)
                kernels_table().pointee.map(function, x, Int64(count), &y)
                let worst = (0..<count).map { units(y[$0], exact(Double(x[$0]))) }.max()!
                #expect(worst <= 3, "\(target), \(name) of \(count): \(worst)")
                #expect(y[count] == 7, "\(target), \(name) of \(count) writes behind the end")
            }
        }
    }

    @Test func functionsKnowTheEndsOfTheScale() {
        let x: [Float] = [.infinity, -.infinity, .nan, 0, -0, 89, -120, 1e-30]
        let expected: [(KernelsFunction, [Float])] = [
            (KernelsExp, [.infinity, 0, .nan, 1, 1, .infinity, 0, 1]),
            (KernelsLog, [.infinity, .nan, .nan, -.infinity, -.infinity, logf(89), .nan, logf(1e-30)]),
            (KernelsTanh, [1, -1, .nan, 0, 0, 1, -1, 1e-30]),
            (KernelsSigmoid, [1, 0, .nan, 0.5, 0.5, 1, 0, 0.5]),
            (KernelsRectify, [.infinity, 0, .nan, 0, 0, 89, 0, 1e-30]),
        ]
        forEachVectorTarget { target in
            for (function, values) in expected {
                var y = [Float](repeating: 7, count: x.count)
                kernels_table().pointee.map(function, x, Int64(x.count), &y)
                for i in x.indices {
                    #expect(
                        units(y[i], Double(values[i])) <= 2, "\(target), function \(function.rawValue) of \(x[i])")
                }
            }
        }
    }

    @Test(arguments: Array(1...40) + [1000])
    func pairingsAreExact(count: Int) {
        let (a, b) = (numbers(count, 1), numbers(count, 2))
        let pairings: [(KernelsPairing, @Sendable (Float, Float) -> Float)] = [
            (KernelsAdd, { $0 + $1 }), (KernelsSubtract, { $0 - $1 }), (KernelsMultiply, { $0 * $1 }),
            (KernelsDivide, { $0 / $1 }), (KernelsMaximum, { larger($0, $1) }), (KernelsMinimum, { smaller($0, $1) }),
            (KernelsPassPositive, { $1 > 0 ? $0 : 0 }),
        ]
        forEachVectorTarget { target in
            for (pairing, plain) in pairings {
                for (left, right) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
                    var y = [Float](repeating: 7, count: count + 1)
                    kernels_table().pointee.combine(pairing, a, Int32(left), b, Int32(right), Int64(count), &y)
                    let isRight = (0..<count).allSatisfy { y[$0] == plain(a[$0 * left], b[$0 * right]) }
                    #expect(isRight && y[count] == 7, "\(target), pairing \(pairing.rawValue), \(left) and \(right)")
                }
            }
        }
    }

    @Test(arguments: Array(1...40))
    func runsOfPatchesTakeTheirStrides(count: Int) {
        let (a, b) = (numbers(3 * count, 1), numbers(count, 2))
        forEachVectorTarget { target in
            for stride in 1...3 {
                var taken = [Float](repeating: 7, count: count + 1)
                kernels_table().pointee.takeEvery(a, Int64(stride), Int64(count), &taken)
                #expect(taken == (0..<count).map { a[$0 * stride] } + [7], "\(target), every \(stride) of \(count)")
                var (sums, expected) = (a, a)
                kernels_table().pointee.addEvery(b, Int64(stride), Int64(count), &sums)
                for i in 0..<count { expected[i * stride] += b[i] }
                #expect(sums == expected, "\(target), to every \(stride) of \(count)")
            }
        }
    }

    @Test(arguments: Array(1...40) + [784])
    func bytesBecomeTheSameNumbersOnEveryTarget(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + count) }
        let (scale, offset) = (Float(1 / (255 * 0.3081)), Float(-0.1307 / 0.3081))
        forEachVectorTarget { target in
            var numbers = [Float](repeating: 7, count: count + 1)
            scaleBytes(bytes, count: count, by: scale, offset: offset, into: &numbers)
            let isRight = (0..<count).allSatisfy { numbers[$0] == Float(bytes[$0]) * scale + offset }
            #expect(isRight && numbers[count] == 7, "\(target), \(count) bytes")
        }
    }

    @Test(arguments: Array(1...40) + [5000, 9001])
    func momentsSurviveALargeMean(count: Int) {
        let x = numbers(count, 1).map { $0 + 1000 }
        let mean = x.reduce(0.0) { $0 + Double($1) } / Double(count)
        let squares = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        forEachVectorTarget { target in
            var state = [0.0, 0, 0]
            let cut = count / 3
            x.withUnsafeBufferPointer {
                kernels_table().pointee.moments($0.baseAddress!, Int64(cut), &state)
                kernels_table().pointee.moments($0.baseAddress! + cut, Int64(count - cut), &state)
            }
            #expect(state[0] == Double(count))
            // Of a float sum of numbers near 1000, in 4 vectors.
            #expect(abs(state[1] - mean) <= 1000 * 4 * 0x1p-23, "\(target), \(count): \(state[1]), not \(mean)")
            #expect(
                abs(state[2] - squares) <= 1e-4 * max(squares, 1), "\(target), \(count): \(state[2]), not \(squares)")
        }
    }

    /// ReLU and pooling joined or not: the same as one after the other, and the gradients as their formula says.
    @Test(arguments: [(1, 1), (2, 2), (2, 6), (4, 8), (6, 30), (2, 32), (8, 34), (4, 70), (40, 40), (7, 9)])
    func normalisationMatchesItsFormula(rows: Int, width: Int) {
        let count = rows * width
        let (x, g) = (numbers(count, 1), numbers(count, 2))
        for rectify in [false, true] {
            var n = KernelsNormalization(mean: 0.3, slope: 1.7, offset: 0.2, rectify: rectify ? 1 : 0)
            forEachVectorTarget { target in
                let table = kernels_table()
                func close(_ a: [Float], _ b: [Double], _ what: String) {
                    let worst = zip(a, b).map { abs(Double($0) - $1) }.max()!
                    #expect(worst < 30 * 0x1p-23, "\(target), \(what), \(rows)x\(width), ReLU \(rectify): \(worst)")
                }
                var y = [Float](repeating: 7, count: count + 1)
                table.pointee.normalize(&n, x, Int64(count), &y)
                let plain = x.map { (Double($0) - Double(n.mean)) * Double(n.slope) + Double(n.offset) }
                close(Array(y[..<count]), plain.map { rectify ? max($0, 0) : $0 }, "result")
                #expect(y[count] == 7)
                let passed = (0..<count).map { !rectify || y[$0] > 0 ? Double(g[$0]) : 0 }
                var sums = [0.0, 0]
                table.pointee.normalizeSums(&n, x, g, Int64(count), &sums)
                func expectSums(_ d: [Double]) {
                    let size = Double(count)
                    #expect(abs(sums[0] - d.reduce(0, +)) <= 0x1p-20 * size, "\(target), sum")
                    let weighted = (0..<count).reduce(0.0) { $0 + d[$1] * (Double(x[$1]) - Double(n.mean)) }
                    #expect(abs(sums[1] - weighted) <= 0x1p-19 * size, "\(target), weighted sum")
                }
                func back(_ d: [Double]) -> [Double] {
                    (0..<count).map { Double(n.slope) * (d[$0] - 0.1 - (Double(x[$0]) - Double(n.mean)) * 0.05) }
                }
                expectSums(passed)
                var dx = [Float](repeating: 7, count: count + 1)
                table.pointee.normalizeBack(&n, x, g, Int64(count), 0.1, 0.05, &dx)
                close(Array(dx[..<count]), back(passed), "gradient")
                guard rows % 2 == 0, width % 2 == 0 else { return }
                // With pooling: one after the other, by the kernels that the other tests hold against plain loops.
                let small = count / 4
                var (p, which) = ([Float](repeating: 7, count: small + 1), [UInt8](repeating: 9, count: small + 1))
                var (q, where2) = (p, which)
                table.pointee.normalizePool(&n, x, Int64(rows), Int64(width), &p, &which)
                table.pointee.maxPool(y, Int64(rows), Int64(width), &q, &where2)
                #expect(p == q && which[small] == 9, "\(target), pooled")
                var spread = [Float](repeating: 7, count: count + 1)
                table.pointee.maxPoolBack(g, which, Int64(rows), Int64(width), &spread)
                let reached = spread[..<count].map { Double($0) }
                sums = [0, 0]
                table.pointee.normalizeSumsPooled(&n, x, g, which, Int64(rows), Int64(width), &sums)
                expectSums(reached)
                table.pointee.normalizeBackPooled(&n, x, g, which, Int64(rows), Int64(width), 0.1, 0.05, &dx)
                close(Array(dx[..<count]), back(reached), "pooled gradient")
                #expect(dx[count] == 7)
            }
        }
    }

    @Test(arguments: [(1, 1), (2, 2), (3, 5), (2, 33), (9, 31), (6, 64), (5, 70)])
    func poolingTakesTheFirstOfTheLargest(rows: Int, width: Int) {
        // Few different numbers, so that many are equal.
        var x = numbers(rows * width, 1).map { ($0 * 2).rounded() }
        if x.count > 6 { x[5] = .nan }
        let (height, columns) = (rows / 2, width / 2)
        let g = numbers(height * columns, 2)
        forEachVectorTarget { target in
            var y = [Float](repeating: 7, count: height * columns + 1)
            var which = [UInt8](repeating: 9, count: height * columns + 1)
            var dx = [Float](repeating: 7, count: rows * width + 1)
            kernels_table().pointee.maxPool(x, Int64(rows), Int64(width), &y, &which)
            kernels_table().pointee.maxPoolBack(g, which, Int64(rows), Int64(width), &dx)
            var expected = [Float](repeating: 0, count: rows * width)
            for row in 0..<height {
                for column in 0..<columns {
                    let four = [0, 1, width, width + 1].map { 2 * row * width + 2 * column + $0 }
                    var best = four[0]
                    for place in four where x[place] > x[best] || x[place].isNaN { best = place }
                    let at = row * columns + column
                    #expect(y[at] == x[best] || (y[at].isNaN && x[best].isNaN), "\(target), \(rows)x\(width)")
                    expected[best] = g[at]
                }
            }
            #expect(Array(dx[..<(rows * width)]) == expected, "\(target), \(rows)x\(width)")
            #expect(dx[rows * width] == 7 && y[height * columns] == 7 && which[height * columns] == 9)
        }
    }

    @Test(arguments: [(3, 1, 1), (3, 2, 1), (2, 1, 0), (5, 3, 2), (3, 2, 0), (1, 1, 0)])
    func windowsOfAnySizeGiveTheSameAsInDouble(window: Int, stride: Int, padding: Int) {
        for width in [5, 8, 17, 33, 40] {
            // Few different numbers, so that many are equal; some planes are all -infinity.
            var numbers = Tensor.normal([2, 3, 9, width], seed: width).scalars.map { ($0 * 2).rounded() }
            for i in 0..<9 * width { numbers[i] = -.infinity }
            let x = Tensor(numbers, shape: [2, 3, 9, width])
            func both(_ x: Tensor) -> (Tensor, Tensor) {
                var kept = x
                let (_, gradient) = valueAndGradient(at: x) {
                    kept = maxPool($0, window, stride: stride, padding: padding)
                    return
                        (`where`(kept .> -1e30, kept, Tensor.zeros([], dtype: x.dtype))
                        * Tensor.normal(kept.shape, seed: 2).converted(to: x.dtype)).sum()
                }
                return (kept, gradient)
            }
            let (plain, plainGradient) = both(x.converted(to: .float64))
            forEachVectorTarget { target in
                let (fast, gradient) = both(x)
                #expect(fast.scalars == plain.scalars, "\(target), \(width) columns")
                // Where windows overlap an element gets up to 25 gradients of a size below 5.
                let worst = zip(gradient.doubles, plainGradient.doubles).map { abs($0 - $1) }.max()!
                #expect(worst < 25 * 5 * 0x1p-23, "\(target), \(width) columns, gradient: \(worst)")
            }
        }
    }

    @Test(arguments: [1, 7, 16, 17, 33, 100])
    func adaptiveStepsMatchTheirFormulas(count: Int) {
        let (w, g) = (numbers(count, 1), numbers(count, 2))
        let (first, second) = (numbers(count, 3).map(abs), numbers(count, 4).map(abs))
        for kind in [KernelsAdaGrad, KernelsRMSProp, KernelsAdaDelta, KernelsAdam] {
            var rule = KernelsAdaptiveStep(
                kind: kind, rate: 0.1, epsilon: 0.01, decay: 0.02, smoothing: 0.9, smoothing2: 0.99, scale: 1.5,
                shrink: 0.98)
            forEachVectorTarget { target in
                var (value, sum, other) = (w, first, second)
                kernels_table().pointee.adaptiveStep(&rule, &value, g, &sum, &other, Int64(count))
                for i in 0..<count {
                    let slope = Double(g[i]) + 0.02 * Double(w[i])
                    var (s, t, x) = (Double(first[i]), Double(second[i]), Double(w[i]))
                    switch kind {
                    case KernelsAdaGrad:
                        s += slope * slope
                        x -= 0.1 * slope / (s.squareRoot() + 0.01)
                    case KernelsRMSProp:
                        s = 0.9 * s + 0.1 * slope * slope
                        x -= 0.1 * slope / (s.squareRoot() + 0.01)
                    case KernelsAdaDelta:
                        s = 0.9 * s + 0.1 * slope * slope
                        let change = ((t + 0.01) / (s + 0.01)).squareRoot() * slope
                        t = 0.9 * t + 0.1 * change * change
                        x -= 0.1 * change
                    default:
                        s = 0.9 * s + 0.1 * slope
                        t = 0.99 * t + 0.01 * slope * slope
                        x = x * 0.98 - 0.1 * s / (t.squareRoot() * 1.5 + 0.01)
                    }
                    let worst = max(
                        abs(Double(value[i]) - x), abs(Double(sum[i]) - s), abs(Double(other[i]) - t))
                    // Numbers below 20 in size; 0.9 and its like are not exact as Float.
                    #expect(worst < 20 * 8 * 0x1p-23, "\(target), rule \(kind.rawValue), \(count): \(worst)")
                }
            }
        }
    }
}
