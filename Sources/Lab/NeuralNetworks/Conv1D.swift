public import Tensors

/// A layer of filters that slide along sequences: `[batch, channels, length]` to `[batch, filters, …]`.
///
/// weight `[filters, channels / groups, kernel]`, bias `[filters]`.
public final class Conv1D: ConvolutionLayer {
    public init(
        _ filters: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1,
        activation: Activation = .none, bias: Bool = true, initializer: Initializer = .lecun
    ) {
        super.init(
            filters, kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
            activation: activation, bias: bias, initializer: initializer)
    }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank == 3 else { fail("Conv1D: sequences have the axes [batch, channels, length], not \(x.shape)") }
        let (weight, bias) = values(shaped: [filters, channelsPerGroup(x), kernel.width], for: x)
        return activation(
            conv1D(
                x, weight: weight, bias: bias, stride: stride.width, padding: padding.width, dilation: dilation.width,
                groups: groups))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int {
        output.dropFirst().reduce(1, *) * (input[1] / groups) * kernel.width
    }
}
