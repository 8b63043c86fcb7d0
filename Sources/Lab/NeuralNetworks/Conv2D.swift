public import Tensors

/// A layer of filters that slide over images: `[batch, channels, height, width]` to `[batch, filters, …]`.
///
/// Kernel, stride, padding and dilation are a number, or an array with the height first. weight
/// `[filters, channels / groups, height, width]`, bias `[filters]`.
public final class Conv2D: ConvolutionLayer {
    public override init(
        _ filters: Int, kernel: any InBothDirections, stride: any InBothDirections = 1,
        padding: any InBothDirections = 0, dilation: any InBothDirections = 1, groups: Int = 1,
        activation: Activation = .none, bias: Bool = true, initializer: Initializer = .lecun
    ) {
        super.init(
            filters, kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
            activation: activation, bias: bias, initializer: initializer)
    }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank == 4 else { fail("Conv2D: images have the axes [batch, channels, height, width], not \(x.shape)") }
        let (weight, bias) = values(
            shaped: [filters, channelsPerGroup(x), kernel.height, kernel.width], for: x)
        return activation(
            conv2D(x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int {
        output.dropFirst().reduce(1, *) * (input[1] / groups) * kernel.height * kernel.width
    }
}
