public import Tensors

/// Convolution the other way, which enlarges images: `[batch, channels, height, width]` to
/// `[batch, filters, (height - 1) stride - 2 padding + kernel + outputPadding, …]`.
///
/// weight `[channels, filters, kernel, kernel]`, bias `[filters]`.
public final class TransposedConv2D: Layer {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor
    public let filters: Int
    public let kernel: Int
    public let stride: Int
    public let padding: Int
    public let outputPadding: Int
    public let activation: Activation
    private let hasBias: Bool

    public init(
        _ filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        activation: Activation = .none, bias: Bool = true, initializer: Initializer = .lecun
    ) {
        guard filters > 0, kernel > 0 else {
            fail("TransposedConv2D: \(filters) filters of \(kernel)x\(kernel) are not a layer")
        }
        _weight = Parameter(initializer)
        _bias = Parameter(.constant(0), isUsed: bias)
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
        self.activation = activation
        hasBias = bias
    }

    override public var kind: String { "TransposedConv2D(\(filters), kernel: \(kernel))" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank == 4 else {
            fail("TransposedConv2D: images have the axes [batch, channels, height, width], not \(x.shape)")
        }
        let weight = $weight.value(shaped: [x.shape[1], filters, kernel, kernel], for: x)
        let bias = hasBias ? $bias.value(shaped: [filters], for: x) : nil
        return activation(
            transposedConv2D(
                x, weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int {
        input.dropFirst().reduce(1, *) * filters * kernel * kernel
    }
}
