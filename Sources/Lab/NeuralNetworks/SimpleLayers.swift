public import Tensors

/// All axes but the batch as one.
public final class Flatten: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { x.flattened() }
}

/// In training sets each element to 0 with the given probability and enlarges the others so that the mean stays;
/// elsewhere does nothing.
public final class Dropout: Layer {
    public let probability: Double
    public init(_ probability: Double = 0.5) {
        guard (0..<1).contains(probability) else { fail("Dropout: \(probability) does not lie in 0 ..< 1") }
        self.probability = probability
    }
    override public var kind: String { "Dropout(\(probability))" }
    override public func forward(_ x: Tensor) -> Tensor {
        guard probability > 0, !x.hasNoElements, var generator = Tape.current?.nextRandomness() else { return x }
        let kept = Tensor.uniform(like: x, using: &generator) .>= probability
        return x * (kept.converted(to: x.dtype) * (1 / (1 - probability)))
    }
}

/// Images enlarged in both directions.
public final class Upsample: Layer {
    public let factor: Int
    public let interpolation: Interpolation
    public init(_ factor: Int, _ interpolation: Interpolation = .nearest) {
        guard factor > 0 else { fail("Upsample: a factor of \(factor) is not possible") }
        self.factor = factor
        self.interpolation = interpolation
    }
    override public var kind: String { "Upsample(\(factor))" }
    override public func forward(_ x: Tensor) -> Tensor { upsampled(x, by: factor, interpolation) }
}
