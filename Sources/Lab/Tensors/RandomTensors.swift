#if canImport(Glibc)
    internal import Glibc
#endif

extension Tensor {
    /// Normally distributed elements. The same seed and shape give the same elements.
    public static func normal(_ shape: Shape, mean: Double = 0, deviation: Double = 1, seed: Int) -> Tensor {
        var generator = RandomGenerator(seed: seed)
        return normal(shape, mean: mean, deviation: deviation, using: &generator)
    }

    /// Elements uniform in 0 ..< 1, or between the given bounds. The same seed and shape give the same elements.
    public static func uniform(_ shape: Shape, _ bounds: ClosedRange<Double> = 0...1, seed: Int) -> Tensor {
        var generator = RandomGenerator(seed: seed)
        return uniform(shape, bounds, using: &generator)
    }

    /// Normally distributed elements, drawn from `generator` (Box and Muller's way, two at a time).
    public static func normal(
        _ shape: Shape, mean: Double = 0, deviation: Double = 1, using generator: inout RandomGenerator
    ) -> Tensor {
        if let gpu = GPU.current {
            return gpu.normal(shape, mean, deviation, &generator)
        }
        let result = Tensor(uninitialized: shape)
        let elements = result.floats
        var index = 0
        while index < shape.elementCount {
            let radius = (-2 * Glibc.log(1 - generator.double())).squareRoot() * deviation
            let angle = 2 * Double.pi * generator.double()
            elements[index] = Float(mean + radius * Glibc.cos(angle))
            if index + 1 < shape.elementCount { elements[index + 1] = Float(mean + radius * Glibc.sin(angle)) }
            index += 2
        }
        return result
    }

    /// Elements uniform in 0 ..< 1, of the shape of another tensor and where that one lies.
    package static func uniform(like x: Tensor, using generator: inout RandomGenerator) -> Tensor {
        x.gpu.map { $0.uniform(x.shape, 0...1, &generator) } ?? uniform(x.shape, using: &generator)
    }

    /// Uniformly distributed elements, drawn from `generator`.
    public static func uniform(
        _ shape: Shape, _ bounds: ClosedRange<Double> = 0...1, using generator: inout RandomGenerator
    ) -> Tensor {
        if let gpu = GPU.current {
            return gpu.uniform(shape, bounds, &generator)
        }
        let result = Tensor(uninitialized: shape)
        let elements = result.floats
        let low = Float(bounds.lowerBound)
        let width = Float(bounds.upperBound - bounds.lowerBound)
        for index in 0..<shape.elementCount { elements[index] = low + width * generator.float() }
        return result
    }
}
