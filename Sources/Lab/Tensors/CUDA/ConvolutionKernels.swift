internal import CCUDA

/// Convolutions by the kernels of convolution.cu: three products whose operands are read where the images lie.
enum ConvolutionKernels {
    // A block of 256 threads computes so much of the result: ROWS and COLUMNS there.
    private static let (tileRows, tileColumns) = (32, 128)

    private static func grid(rows: Int, columns: Int, _ depth: Int) -> (Int, Int, Int) {
        ((columns + tileColumns - 1) / tileColumns, (rows + tileRows - 1) / tileRows, depth)
    }

    static func forward(
        _ gpu: GPU, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ sizes: ConvolutionSizes, rectify: Bool
    ) -> Tensor {
        let dtype = x.dtype.combined(with: weight.dtype).computed
        let result = gpu.tensor(sizes.outputShape, dtype, for: "conv2D")
        guard result.elementCount > 0 else { return result }
        let offsets = bias.map { $0.on(gpu).converted(to: dtype) }
        gpu.launch(
            "conv2D", "convolution", "convolution_\(dtype)",
            blocks: grid(
                rows: sizes.outputsPerGroup, columns: sizes.batch * sizes.outputHeight * sizes.outputWidth, sizes.groups
            ),
            x.on(gpu).converted(to: dtype), weight.on(gpu).converted(to: dtype), offsets, result, LabConvolution(sizes),
            Int32(rectify ? 1 : 0))
        return result
    }

    static func dataGradient(_ gpu: GPU, _ dy: Tensor, _ weight: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
        let dtype = dy.dtype
        let result = gpu.tensor(sizes.inputShape, dtype, for: "gradient of conv2D")
        guard result.elementCount > 0 else { return result }
        gpu.launch(
            "gradient of conv2D", "convolution", "convolution_data_\(dtype)",
            blocks: grid(rows: sizes.inputsPerGroup, columns: sizes.batch * sizes.height * sizes.width, sizes.groups),
            dy, weight.on(gpu).converted(to: dtype), result, LabConvolution(sizes))
        return result
    }

    /// The sum over all pixels, in pieces whose number depends on the sizes alone: without them a filter's few numbers
    /// would keep a few blocks busy for long.
    static func weightGradient(_ gpu: GPU, _ x: Tensor, _ dy: Tensor, _ sizes: ConvolutionSizes) -> Tensor {
        let dtype = dy.dtype
        let pixels = sizes.batch * sizes.outputHeight * sizes.outputWidth
        guard pixels > 0 else { return .zeros(sizes.weightShape, dtype: dtype, on: gpu) }
        let tiles = grid(rows: sizes.outputsPerGroup, columns: sizes.patch, sizes.groups)
        // About 264 blocks fill a large card twice; a piece has at least 256 terms.
        let wanted = max(1, min(264 / (tiles.0 * tiles.1 * tiles.2), pixels / 256, 65_535 / sizes.groups))
        let piece = (pixels + wanted - 1) / wanted
        let pieces = (pixels + piece - 1) / piece
        let parts = gpu.tensor(Shape([pieces] + sizes.weightShape.sizes), dtype, for: "gradient of conv2D")
        gpu.launch(
            "gradient of conv2D", "convolution", "convolution_weights_\(dtype)",
            blocks: (tiles.0, tiles.1, sizes.groups * pieces), x.on(gpu).converted(to: dtype), dy, parts,
            LabConvolution(sizes), piece)
        guard pieces > 1 else { return parts.reshaped(to: sizes.weightShape) }
        return parts.summedOnGPU(
            Extent(outer: 1, size: pieces, inner: sizes.weightShape.elementCount), sizes.weightShape)
    }
}

extension LabConvolution {
    init(_ s: ConvolutionSizes) {
        self.init(
            batch: Int32(s.batch), inputs: Int32(s.inputs), height: Int32(s.height), width: Int32(s.width),
            outputs: Int32(s.outputs), kernelHeight: Int32(s.kernelHeight), kernelWidth: Int32(s.kernelWidth),
            groups: Int32(s.groups), strideHeight: Int32(s.stride.height), strideWidth: Int32(s.stride.width),
            paddingHeight: Int32(s.padding.height), paddingWidth: Int32(s.padding.width),
            dilationHeight: Int32(s.dilation.height), dilationWidth: Int32(s.dilation.width),
            outputHeight: Int32(s.outputHeight), outputWidth: Int32(s.outputWidth))
    }
}
