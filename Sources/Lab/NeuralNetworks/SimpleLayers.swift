public import Tensors

/// The largest of each square of pixels.
public final class MaxPool2D: Layer {
    public let window: Int
    public let stride: Int
    public let padding: Int
    public init(_ window: Int, stride: Int? = nil, padding: Int = 0) {
        self.window = window
        self.stride = stride ?? window
        self.padding = padding
    }
    override public var kind: String { "MaxPool2D(\(window))" }
    override public func forward(_ x: Tensor) -> Tensor { maxPool(x, window, stride: stride, padding: padding) }
}

/// The mean of each square of pixels.
public final class AveragePool2D: Layer {
    public let window: Int
    public let stride: Int
    public let padding: Int
    public init(_ window: Int, stride: Int? = nil, padding: Int = 0) {
        self.window = window
        self.stride = stride ?? window
        self.padding = padding
    }
    override public var kind: String { "AveragePool2D(\(window))" }
    override public func forward(_ x: Tensor) -> Tensor { averagePool(x, window, stride: stride, padding: padding) }
}

/// All axes but the batch as one.
public final class Flatten: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { x.flattened() }
}

/// max(x, 0).
public final class ReLU: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { relu(x) }
}

/// 1 / (1 + exp(-x)).
public final class Sigmoid: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { sigmoid(x) }
}

/// The hyperbolic tangent.
public final class Tanh: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { tanh(x) }
}

/// exp(x) / Σ exp(x) along the last axis.
public final class Softmax: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { softmax(x) }
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
        let kept = Tensor.uniform(x.shape, using: &generator) .>= probability
        return x * (kept.converted(to: x.dtype) * (1 / (1 - probability)))
    }
}
