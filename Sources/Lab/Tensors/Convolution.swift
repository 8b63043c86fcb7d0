internal import CKernels

/// The convolution of images with filters, as networks mean it: a correlation.
///
/// x `[batch, channels, height, width]`, weight `[filters, channels / groups, height, width]`, bias `[filters]`; the
/// result is `[batch, filters, (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1, …]`. Stride, padding and
/// dilation are a number, or an array with the height first.
public func conv2D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: any InBothDirections = 1,
    padding: any InBothDirections = 0, dilation: any InBothDirections = 1, groups: Int = 1
) -> Tensor {
    convolved(
        "conv2D", x, weight: weight, bias: bias, stride: stride.heightAndWidth, padding: padding.heightAndWidth,
        dilation: dilation.heightAndWidth, groups: groups)
}

func convolved(
    _ operation: String, _ x: Tensor, weight: Tensor, bias: Tensor?, stride: HeightAndWidth, padding: HeightAndWidth,
    dilation: HeightAndWidth, groups: Int
) -> Tensor {
    let sizes = ConvolutionSizes(
        operation, x.shape, weight.shape, stride: stride, padding: padding, dilation: dilation, groups: groups)
    if let bias, bias.shape != [sizes.outputs] {
        fail("\(operation): the bias \(bias.shape) does not fit the filters \(weight.shape)")
    }
    if x.isShapeOnly || weight.isShapeOnly || bias?.isShapeOnly == true {
        return Tensor(shapeOnly: sizes.outputShape, x.dtype.combined(with: weight.dtype))
    }
    let isTwice = x.isTwiceTracked || weight.isTwiceTracked || bias?.isTwiceTracked == true
    if x.dtype == .float32, weight.dtype == .float32, !isTwice {
        let pending = PendingConvolution(sizes, x, weight, bias, rectify: false)
        return pending.result
    }
    // The ways back of these three are each other, so that convolutions can be differentiated any number of times.
    let result = convolved(x, weight, sizes)
    return bias.map { result + $0.reshaped(1, -1, 1, 1) } ?? result
}

private func convolved(_ x: Tensor, _ weight: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
    ConvolutionBackend.forward(x, weight, nil, sizes, rectify: false).recorded(x, weight) {
        (
            x.ifTracked($0) { convolvedDataGradient($0, weight, sizes) },
            weight.ifTracked($0) { convolvedWeightGradient(x, $0, sizes) }
        )
    }
}

/// What reaches the input: the transposed convolution.
private func convolvedDataGradient(_ dy: Tensor, _ weight: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
    ConvolutionBackend.backward(nil, weight, dy, sizes, data: true, weights: false).data!.recorded(dy, weight) {
        (
            dy.ifTracked($0) { convolved($0, weight, sizes) },
            weight.ifTracked($0) { convolvedWeightGradient($0, dy, sizes) }
        )
    }
}

private func convolvedWeightGradient(_ x: Tensor, _ dy: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
    ConvolutionBackend.backward(x, nil, dy, sizes, data: false, weights: true).weight!.recorded(x, dy) {
        (
            x.ifTracked($0) { convolvedDataGradient(dy, $0, sizes) },
            dy.ifTracked($0) { convolved(x, $0, sizes) }
        )
    }
}

/// A convolution along one axis. x `[batch, channels, length]`, weight `[filters, channels / groups, kernel]`, bias
/// `[filters]`; the result is `[batch, filters, (length + 2 padding - dilation (kernel - 1) - 1) / stride + 1]`.
public func conv1D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    guard x.rank == 3, weight.rank == 3 else {
        fail(
            "conv1D: \(x.shape) and filters \(weight.shape) do not fit; both have three axes, [batch, channels, length] and [filters, channels, length]"
        )
    }
    guard x.shape[1] == weight.shape[1] * groups else {
        fail("conv1D: \(x.shape) and \(weight.shape) do not fit (\(x.shape[1]) channels ≠ \(weight.shape[1] * groups))")
    }
    guard x.shape[2] + 2 * padding >= dilation * (weight.shape[2] - 1) + 1 else {
        fail("conv1D: the sequences of \(x.shape) are shorter than the filters of \(weight.shape)")
    }
    // Images of one row.
    return convolved(
        "conv1D", x.expanded(at: 2), weight: weight.expanded(at: 2), bias: bias,
        stride: HeightAndWidth(height: 1, width: stride), padding: HeightAndWidth(height: 0, width: padding),
        dilation: HeightAndWidth(height: 1, width: dilation), groups: groups
    ).squeezed(at: 2)
}

/// Convolution the other way: each input pixel lays the filters down into the output, `stride` pixels apart.
///
/// x `[batch, channels, height, width]`, weight `[channels, filters / groups, height, width]` (as PyTorch has it), bias
/// `[filters]`; the result is
/// `[batch, filters, (height - 1) stride - 2 padding + dilation (kernel - 1) + 1 + outputPadding, …]`.
public func transposedConv2D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: any InBothDirections = 1,
    padding: any InBothDirections = 0, outputPadding: any InBothDirections = 0, dilation: any InBothDirections = 1,
    groups: Int = 1
) -> Tensor {
    guard x.rank == 4, weight.rank == 4 else {
        fail(
            "transposedConv2D: images \(x.shape) and filters \(weight.shape) do not fit; both have four axes, [batch, channels, height, width] and [channels, filters, height, width]"
        )
    }
    guard x.shape[1] == weight.shape[0] else {
        fail(
            "transposedConv2D: \(x.shape) and \(weight.shape) do not fit (\(x.shape[1]) channels ≠ \(weight.shape[0]))")
    }
    let (stride, padding, dilation) = (stride.heightAndWidth, padding.heightAndWidth, dilation.heightAndWidth)
    let outputPadding = outputPadding.heightAndWidth
    func size(_ axis: Int, _ side: KeyPath<HeightAndWidth, Int>) -> Int {
        (x.shape[axis] - 1) * stride[keyPath: side] - 2 * padding[keyPath: side]
            + dilation[keyPath: side] * (weight.shape[axis] - 1) + 1 + outputPadding[keyPath: side]
    }
    let (height, width) = (size(2, \.height), size(3, \.width))
    guard height >= 0, width >= 0, outputPadding.smallest >= 0 else {
        fail("transposedConv2D: a padding of \(padding) leaves nothing of \(x.shape) behind filters of \(weight.shape)")
    }
    // The convolution whose way back this is.
    let output: Shape = [x.shape[0], weight.shape[1] * groups, height, width]
    let sizes = ConvolutionSizes(
        "transposedConv2D", output, weight.shape, stride: stride, padding: padding, dilation: dilation, groups: groups)
    guard sizes.outputShape == x.shape else {
        fail(
            "transposedConv2D: an output padding of \(outputPadding) does not fit a stride of \(stride); it has to be smaller"
        )
    }
    if let bias, bias.shape != [output[1]] {
        fail("transposedConv2D: the bias \(bias.shape) does not fit the filters \(weight.shape)")
    }
    if x.isShapeOnly || weight.isShapeOnly { return Tensor(shapeOnly: output, x.dtype.combined(with: weight.dtype)) }
    let result = convolvedDataGradient(x.floating, weight, sizes)
    return bias.map { result + $0.reshaped(1, -1, 1, 1) } ?? result
}

/// A convolution nobody has looked at yet. ReLU and 2x2 maximum pooling join it, so that the large result in between
/// never exists.
final class PendingConvolution: Pending, @unchecked Sendable {
    let sizes: ConvolutionSizes
    let x: Tensor
    let weight: Tensor
    let bias: Tensor?
    let rectify: Bool
    /// What held where the convolution was asked for; where somebody looks it may be another.
    let precision: ProductPrecision

    init(
        _ sizes: ConvolutionSizes, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, rectify: Bool,
        _ precision: ProductPrecision = .current
    ) {
        self.precision = precision
        self.sizes = sizes
        self.x = x
        self.weight = weight
        self.bias = bias
        self.rectify = rectify
        super.init()
        awaitParameterChange()
    }

    override var isOnGPU: Bool { x.isOnGPU || weight.isOnGPU }

    override func compute() -> Buffer {
        precision.run { ConvolutionBackend.forward(x, weight, bias, sizes, rectify: rectify).buffer }
    }

    private var inputs: [Tensor] { [x, weight] + (bias.map { [$0] } ?? []) }

    /// The tensor that stands for the result.
    var result: Tensor {
        let handle = Handle(shape: sizes.outputShape, dtype: .float32, buffer: nil, pending: self)
        let (x, weight, bias, sizes, rectify) = (x, weight, bias, sizes, rectify)
        let tensor = Tensor(handle: handle)
        return tensor.recorded(from: inputs) { gradient in
            // Behind a ReLU only what was positive passes.
            let passed =
                rectify
                ? Tensor.combined("relu", .wherePositive, gradient, tensor, KernelsPassPositive, { $1 > 0 ? $0 : 0 })
                : gradient
            let ways = ConvolutionBackend.backward(
                x, weight, passed, sizes, data: x.node != nil, weights: weight.node != nil, bias: bias?.node != nil)
            return [ways.data, ways.weight] + (bias == nil ? [] : [ways.bias])
        }
    }

    override func rectified() -> Tensor? {
        guard isUntouched, !rectify else { return nil }
        return PendingConvolution(sizes, x, weight, bias, rectify: true, precision).result
    }

    override func pooled() -> Tensor? {
        guard isUntouched, !isOnGPU, WinogradConvolution(sizes) == nil, let fused = DirectConvolution(sizes),
            fused.poolsAtOnce
        else { return nil }
        let (result, which) = fused.forwardPooled(x, weight, bias, rectify: rectify)
        let (x, weight, bias, sizes) = (x, weight, bias, sizes)
        return result.recorded(from: inputs) { gradient in
            let ways = PooledConvolutionGradient(sizes, which: which).backward(
                x.withoutGradient(), weight.withoutGradient(), gradient.withoutGradient(), data: x.node != nil,
                weights: weight.node != nil || bias?.node != nil)
            return [ways.data, ways.weight] + (bias == nil ? [] : [ways.bias])
        }
    }
}

/// A way to compute convolutions whose two gradients have nothing in common.
protocol ConvolutionWay {
    /// From the result's gradient, `[batch, outputs, …]`: the input's, `[batch, inputs, height, width]`.
    func dataGradient(_ dy: Tensor, _ weight: Tensor) -> Tensor
    /// The filters', `[outputs, inputs per group, height, width]`.
    func weightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor
}

extension ConvolutionWay {
    /// The gradients that are asked for; what only the others need may be missing.
    func backward(
        _ x: Tensor?, _ weight: Tensor?, _ dy: Tensor, data: Bool, weights: Bool, bias: Bool
    ) -> ConvolutionBackend.Ways {
        (
            data ? dataGradient(dy, weight!) : nil, weights ? weightGradient(x!, dy) : nil,
            bias ? dy.sum(axes: [0, 2, 3]) : nil
        )
    }
}

/// Which way a convolution is computed.
enum ConvolutionBackend {
    typealias Ways = (data: Tensor?, weight: Tensor?, bias: Tensor?)

    static func forward(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ sizes: ConvolutionSizes, rectify: Bool
    ) -> Tensor {
        let (x, weight, bias) = (x.withoutGradient(), weight.withoutGradient(), bias?.withoutGradient())
        if let gpu = x.gpu ?? weight.gpu {
            return ConvolutionKernels.forward(gpu, x, weight, bias, sizes, rectify: rectify)
        }
        guard x.dtype.combined(with: weight.dtype) == .float32 else {
            return PlainConvolution.forward(x.converted(to: .float64), weight.converted(to: .float64), sizes)
        }
        let (single, filters) = (x.converted(to: .float32), weight.converted(to: .float32))
        if let quick = WinogradConvolution(sizes) { return quick.forward(single, filters, bias, rectify: rectify) }
        if let direct = DirectConvolution(sizes) { return direct.forward(single, filters, bias, rectify: rectify) }
        return PatchConvolution(sizes).forward(single, filters, bias, rectify: rectify)
    }

    /// The gradients that are asked for.
    static func backward(
        _ x: Tensor?, _ weight: Tensor?, _ dy: Tensor, _ sizes: ConvolutionSizes, data: Bool, weights: Bool,
        bias: Bool = false
    ) -> Ways {
        let (x, weight, dy) = (x?.withoutGradient(), weight?.withoutGradient(), dy.withoutGradient())
        if let gpu = dy.gpu ?? weight?.gpu ?? x?.gpu {
            let slope = dy.on(gpu).floating
            return (
                data ? ConvolutionKernels.dataGradient(gpu, slope, weight!, sizes) : nil,
                weights ? ConvolutionKernels.weightGradient(gpu, x!, slope, sizes) : nil,
                bias ? slope.sum(axes: [0, 2, 3]) : nil
            )
        }
        guard dy.dtype == .float32 else {
            let wide = dy.converted(to: .float64)
            return (
                data ? PlainConvolution.dataGradient(wide, weight!.converted(to: .float64), sizes) : nil,
                weights ? PlainConvolution.weightGradient(x!.converted(to: .float64), wide, sizes) : nil,
                bias ? wide.sum(axes: [0, 2, 3]) : nil
            )
        }
        let (single, filters) = (x?.converted(to: .float32), weight?.converted(to: .float32))
        if let quick = WinogradConvolution(sizes) {
            return quick.backward(single, filters, dy, data: data, weights: weights, bias: bias)
        }
        if let direct = DirectConvolution(sizes) {
            return direct.backward(single, filters, dy, data: data, weights: weights || bias)
        }
        return PatchConvolution(sizes).backward(single, filters, dy, data: data, weights: weights, bias: bias)
    }
}
