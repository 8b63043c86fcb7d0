public import Tensors

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
