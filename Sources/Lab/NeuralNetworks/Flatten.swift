public import Tensors

/// All axes but the batch as one.
public final class Flatten: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { x.flattened() }
}
