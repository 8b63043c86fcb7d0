public import Tensors

/// A fully connected layer: `x · weightᵀ + bias`, `[…, inputs]` to `[…, outputs]`.
///
/// The number of inputs follows from the first input. weight `[outputs, inputs]`, bias `[outputs]`.
public final class Dense: Layer {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor
    public let outputs: Int
    public let activation: Activation
    private let hasBias: Bool

    public init(_ outputs: Int, activation: Activation = .none, bias: Bool = true, initializer: Initializer = .lecun) {
        guard outputs > 0 else { fail("Dense: \(outputs) outputs are not a layer") }
        _weight = Parameter(initializer)
        _bias = Parameter(.constant(0), isUsed: bias)
        self.outputs = outputs
        self.activation = activation
        hasBias = bias
    }

    override public var kind: String { "Dense(\(outputs))" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank > 0 else { fail("Dense: a scalar is no input") }
        let weight = $weight.value(shaped: [outputs, x.shape[x.rank - 1]], for: x)
        let bias = hasBias ? $bias.value(shaped: [outputs], for: x) : nil
        return activation(dense(x, weight: weight, bias: bias))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int { input.dropFirst().reduce(1, *) * outputs }
}
