extension GPU {
    /// The generator as the kernels of random.cu want it: its key, and how many words were drawn.
    private func state(_ generator: RandomGenerator, for operation: String) -> Buffer {
        let result = input(16, for: operation)
        [generator.key, generator.position].withUnsafeBytes {
            upload($0, to: result, for: operation, .random)
        }
        return result
    }

    /// The processor's own numbers, to the bit.
    func uniform(_ shape: Shape, _ bounds: ClosedRange<Double>, _ generator: inout RandomGenerator) -> Tensor {
        let result = tensor(shape, for: "uniform")
        launch(
            "uniform", "random", "uniform", count: shape.elementCount, result, shape.elementCount,
            state(generator, for: "uniform"), Float(bounds.lowerBound), Float(bounds.upperBound - bounds.lowerBound))
        generator.position += UInt64(shape.elementCount)
        return result
    }

    /// The processor's own numbers but for a last bit, where the card has another cosine or logarithm. Four words go into
    /// two of them.
    func normal(_ shape: Shape, _ mean: Double, _ deviation: Double, _ generator: inout RandomGenerator) -> Tensor {
        let result = tensor(shape, for: "normal")
        launch(
            "normal", "random", "normal", count: (shape.elementCount + 1) / 2, result, shape.elementCount,
            state(generator, for: "normal"), mean, deviation)
        generator.position += UInt64((shape.elementCount + 1) / 2 * 4)
        return result
    }
}
