public import Tensors

/// x where it is positive, else `slope` · x.
public final class LeakyReLU: Layer {
    public let slope: Double
    public init(slope: Double = 0.01) { self.slope = slope }
    override public var kind: String { "LeakyReLU(slope: \(slope))" }
    override public func forward(_ x: Tensor) -> Tensor { leakyReLU(x, slope: slope) }
}

/// x where it is positive, else `scale` · (exp(x) - 1).
public final class ELU: Layer {
    public let scale: Double
    public init(scale: Double = 1) { self.scale = scale }
    override public func forward(_ x: Tensor) -> Tensor { elu(x, scale: scale) }
}

/// x · Φ(x), with the normal distribution's Φ.
public final class GELU: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { gelu(x) }
}

/// x · sigmoid(x).
public final class SiLU: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { silu(x) }
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

/// The mean over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public final class GlobalAveragePool2D: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { globalAveragePool(x) }
}

/// The largest over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public final class GlobalMaxPool2D: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { globalMaxPool(x) }
}

/// Means over so many windows that the result has the given size, whatever the size of the images.
public final class AdaptiveAveragePool2D: Layer {
    public let height: Int
    public let width: Int
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }
    override public var kind: String { "AdaptiveAveragePool2D(height: \(height), width: \(width))" }
    override public func forward(_ x: Tensor) -> Tensor { adaptiveAveragePool(x, height: height, width: width) }
}
