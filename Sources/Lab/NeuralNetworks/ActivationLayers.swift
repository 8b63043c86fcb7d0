public import Tensors

/// What follows a layer's sums.
public enum Activation: String, Sendable, Hashable, Codable {
    case none, relu, sigmoid, tanh, softmax, leakyReLU, elu, gelu, silu, softplus

    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .none: x
        case .relu: Tensors.relu(x)
        case .sigmoid: Tensors.sigmoid(x)
        case .tanh: Tensors.tanh(x)
        case .softmax: Tensors.softmax(x)
        case .leakyReLU: Tensors.leakyReLU(x)
        case .elu: Tensors.elu(x)
        case .gelu: Tensors.gelu(x)
        case .silu: Tensors.silu(x)
        case .softplus: Tensors.softplus(x)
        }
    }
}

/// What the layers without parameters have in common that are a function of each element, or of the last axis.
public class ActivationLayer: Layer {
    private let activation: Activation
    init(_ activation: Activation) { self.activation = activation }
    override public var kind: String { "\(type(of: self))()" }
    override public func forward(_ x: Tensor) -> Tensor { activation(x) }
}

/// max(x, 0).
public final class ReLU: ActivationLayer { public init() { super.init(.relu) } }

/// 1 / (1 + exp(-x)).
public final class Sigmoid: ActivationLayer { public init() { super.init(.sigmoid) } }

/// The hyperbolic tangent.
public final class Tanh: ActivationLayer { public init() { super.init(.tanh) } }

/// exp(x) / Σ exp(x) along the last axis.
public final class Softmax: ActivationLayer { public init() { super.init(.softmax) } }

/// x · Φ(x), with the normal distribution's Φ.
public final class GELU: ActivationLayer { public init() { super.init(.gelu) } }

/// x · sigmoid(x).
public final class SiLU: ActivationLayer { public init() { super.init(.silu) } }

/// log(1 + exp(x)).
public final class Softplus: ActivationLayer { public init() { super.init(.softplus) } }

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
