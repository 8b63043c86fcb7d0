/// The sizes of a two-dimensional convolution.
struct ConvolutionSizes: Hashable {
    var batch: Int
    var inputs: Int
    var height: Int
    var width: Int
    var outputs: Int
    var kernelHeight: Int
    var kernelWidth: Int
    var stride: HeightAndWidth
    var padding: HeightAndWidth
    var dilation: HeightAndWidth
    var groups: Int

    var outputHeight: Int {
        (height + 2 * padding.height - dilation.height * (kernelHeight - 1) - 1) / stride.height + 1
    }
    var outputWidth: Int { (width + 2 * padding.width - dilation.width * (kernelWidth - 1) - 1) / stride.width + 1 }
    var inputsPerGroup: Int { inputs / groups }
    var outputsPerGroup: Int { outputs / groups }
    var inputShape: Shape { [batch, inputs, height, width] }
    var outputShape: Shape { [batch, outputs, outputHeight, outputWidth] }
    var weightShape: Shape { [outputs, inputsPerGroup, kernelHeight, kernelWidth] }
    /// The numbers that one output is a sum of.
    var patch: Int { inputsPerGroup * kernelHeight * kernelWidth }

    init(
        _ operation: String, _ x: Shape, _ weight: Shape, stride: HeightAndWidth, padding: HeightAndWidth,
        dilation: HeightAndWidth, groups: Int
    ) {
        guard x.rank == 4, weight.rank == 4 else {
            fail(
                "\(operation): images \(x) and filters \(weight) do not fit; both have four axes, [batch, channels, height, width] and [filters, channels, height, width]"
            )
        }
        guard stride.smallest >= 1, padding.smallest >= 0, dilation.smallest >= 1, groups >= 1 else {
            fail(
                "\(operation): stride \(stride), padding \(padding), dilation \(dilation) or groups \(groups) is too small"
            )
        }
        guard weight[2] >= 1, weight[3] >= 1 else { fail("\(operation): filters \(weight) have no pixels") }
        guard x[1] == weight[1] * groups else {
            fail("\(operation): \(x) and \(weight) do not fit (\(x[1]) channels ≠ \(weight[1] * groups))")
        }
        guard weight[0] % groups == 0 else {
            fail("\(operation): the \(weight[0]) filters of \(weight) do not come apart into \(groups) equal groups")
        }
        batch = x[0]
        inputs = x[1]
        height = x[2]
        width = x[3]
        outputs = weight[0]
        kernelHeight = weight[2]
        kernelWidth = weight[3]
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        guard height + 2 * padding.height >= dilation.height * (kernelHeight - 1) + 1,
            width + 2 * padding.width >= dilation.width * (kernelWidth - 1) + 1
        else { fail("\(operation): images of \(height)x\(width) in \(x) are smaller than the filters of \(weight)") }
    }
}
