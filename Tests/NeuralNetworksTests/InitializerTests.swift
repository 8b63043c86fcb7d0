import Testing

@testable import NeuralNetworks
@testable import Tensors

@Suite struct InitializerTests {
    @Test func initializersHaveTheirSpread() {
        var generator = RandomGenerator(seed: 9)
        // [outputs, inputs, 3, 3]: fan-in 40 · 9, fan-out 60 · 9. Uniform in ±b has the variance b² / 3.
        let shape: Shape = [60, 40, 3, 3]
        let cases: [(Initializer, variance: Double, bound: Double)] = [
            (.glorot, 2.0 / 900, (6.0 / 900).squareRoot()), (.he, 2.0 / 360, .infinity),
            (.lecun, 1.0 / 360, (3.0 / 360).squareRoot()), (.xavier, 1.0 / 360, (3.0 / 360).squareRoot()),
            (.pytorch, 1.0 / 1080, (1.0 / 360).squareRoot()), (.uniform(-2...2), 4.0 / 3, 2),
            (.normal(deviation: 0.3), 0.09, .infinity),
        ]
        for (initializer, variance, bound) in cases {
            let values = initializer.values(shape, using: &generator)
            // Of 21,600 values: the variance's relative standard error is below 1 %.
            #expect(abs(Double(values.variance().item) / variance - 1) < 0.04, "\(initializer)")
            #expect(abs(Double(values.mean().item)) < 4 * (variance / 21_600).squareRoot(), "\(initializer)")
            #expect(Double(values.magnitude().maximum().item) <= bound * (1 + 1e-6), "\(initializer)")
        }
        #expect(Initializer.constant(0.25).values([2], using: &generator).scalars == [0.25, 0.25])
    }

    @Test(arguments: [[8, 20], [20, 8], [6, 3, 3, 3]])
    func orthogonalWeightsAreOrthogonal(sizes: [Int]) {
        var generator = RandomGenerator(seed: 5)
        let w = Initializer.orthogonal(gain: 2).values(Shape(sizes), using: &generator).reshaped(sizes[0], -1)
        let (rows, columns) = (w.shape[0], w.shape[1])
        let product = rows <= columns ? matmul(w, w.transposed()) : matmul(w.transposed(), w)
        let expected = Tensor.range(min(rows, columns)).oneHot(classes: min(rows, columns)) * 4
        #expect((product - expected).magnitude().maximum().item < 1e-5)
    }
}
