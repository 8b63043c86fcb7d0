public import Tensors

/// What the layers of filters have in common: `Conv1D`, `Conv2D` and `TransposedConv2D`.
///
/// The number of channels follows from the first input.
public class ConvolutionLayer: Layer {
    @Parameter public var weight: Tensor
    @Parameter public var bias: Tensor
    public let filters: Int
    public let kernel: HeightAndWidth
    public let stride: HeightAndWidth
    public let padding: HeightAndWidth
    public let dilation: HeightAndWidth
    public let groups: Int
    public let activation: Activation
    private let hasBias: Bool

    init(
        _ filters: Int, kernel: any InBothDirections, stride: any InBothDirections, padding: any InBothDirections,
        dilation: any InBothDirections, groups: Int, activation: Activation, bias: Bool, initializer: Initializer
    ) {
        _weight = Parameter(initializer)
        _bias = Parameter(.constant(0), isUsed: bias)
        self.filters = filters
        self.kernel = kernel.heightAndWidth
        self.stride = stride.heightAndWidth
        self.padding = padding.heightAndWidth
        self.dilation = dilation.heightAndWidth
        self.groups = groups
        self.activation = activation
        hasBias = bias
        super.init()
        guard filters > 0, self.kernel.smallest > 0, groups > 0, filters % groups == 0 else {
            fail("\(kind): \(filters) filters of \(self.kernel) in \(groups) groups are not a layer")
        }
        guard self.stride.smallest > 0, self.padding.smallest >= 0, self.dilation.smallest > 0 else {
            fail(
                "\(kind): stride \(self.stride), padding \(self.padding) or dilation \(self.dilation) is too small")
        }
    }

    override public var kind: String { "\(type(of: self))(\(filters), kernel: \(kernel))" }

    func channelsPerGroup(_ x: Tensor) -> Int {
        guard x.shape[1] % groups == 0 else {
            fail("\(kind): the \(x.shape[1]) channels of \(x.shape) do not come apart into \(groups) equal groups")
        }
        return x.shape[1] / groups
    }

    /// The weight in the shape that follows from the input, and the bias.
    func values(shaped shape: Shape, for x: Tensor) -> (weight: Tensor, bias: Tensor?) {
        ($weight.value(shaped: shape, for: x), hasBias ? $bias.value(shaped: [filters], for: x) : nil)
    }
}
