public import Tensors

/// Convolution the other way, which enlarges images: `[batch, channels, height, width]` to
/// `[batch, filters, (height - 1) stride - 2 padding + dilation (kernel - 1) + 1 + outputPadding, …]`.
///
/// Sizes are a number, or an array with the height first. weight `[channels, filters / groups, height, width]`, bias
/// `[filters]`.
public final class TransposedConv2D: ConvolutionLayer {
    public let outputPadding: HeightAndWidth

    public init(
        _ filters: Int, kernel: any InBothDirections, stride: any InBothDirections = 1,
        padding: any InBothDirections = 0, outputPadding: any InBothDirections = 0,
        dilation: any InBothDirections = 1, groups: Int = 1, activation: Activation = .none, bias: Bool = true,
        initializer: Initializer = .lecun
    ) {
        self.outputPadding = outputPadding.heightAndWidth
        super.init(
            filters, kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
            activation: activation, bias: bias, initializer: initializer)
    }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank == 4 else {
            fail("TransposedConv2D: images have the axes [batch, channels, height, width], not \(x.shape)")
        }
        _ = channelsPerGroup(x)
        let (weight, bias) = values(shaped: [x.shape[1], filters / groups, kernel.height, kernel.width], for: x)
        return activation(
            transposedConv2D(
                x, weight: weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
                dilation: dilation, groups: groups))
    }

    override public func multiplyAdds(input: Shape, output: Shape) -> Int {
        input.dropFirst().reduce(1, *) * (filters / groups) * kernel.height * kernel.width
    }
}
