public import Tensors

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
        guard probability > 0, !x.isShapeOnly, var generator = Tape.current?.nextRandomness() else { return x }
        let kept = Tensor.uniform(like: x, using: &generator) .>= probability
        return x * (kept.converted(to: x.dtype) * (1 / (1 - probability)))
    }
}
