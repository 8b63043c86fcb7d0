public import Tensors

/// A layer of filters that slide along sequences: `[batch, channels, length]` to `[batch, filters, …]`.
///
/// The number of channels follows from the first input. weight `[filters, channels / groups, kernel]`, bias `[filters]`.
public final class Conv1D: Layer {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor
    public let filters: Int
    public let kernel: Int
    public let stride: Int
    public let padding: Int
    public let dilation: Int
    public let groups: Int
    public let activation: Activation
    private let hasBias: Bool

    public init(
        _ filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1,
        activation: Activation = .none, bias: Bool = true, initializer: Initializer = .lecun
    ) {
        guard filters > 0, kernel > 0, groups > 0 else {
            fail("Conv1D: \(filters) filters of \(kernel) in \(groups) groups are not a layer")
        }
        _weight = Parameter(initializer)
        _bias = Parameter(.constant(0), isUsed: bias)
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.activation = activation
        hasBias = bias
    }

    override public var kind: String { "Conv1D(\(filters), kernel: \(kernel))" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank == 3 else { fail("Conv1D: sequences have the axes [batch, channels, length], not \(x.shape)") }
        let weight = $weight.value(shaped: [filters, x.shape[1] / groups, kernel], for: x)
        let bias = hasBias ? $bias.value(shaped: [filters], for: x) : nil
        return activation(
            conv1D(x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int {
        output.dropFirst().reduce(1, *) * (input[1] / groups) * kernel
    }
}
