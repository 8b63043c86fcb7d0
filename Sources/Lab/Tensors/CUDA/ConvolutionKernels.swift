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
        if usesProducts(dtype) {
            let (x, weight) = (x.on(gpu).converted(to: dtype), weight.on(gpu).converted(to: dtype))
            product(gpu, x, weight, into: result, sizes)
            if offsets != nil || rectify {
                gpu.launch(
                    "conv2D", "convolution", "finished_float32", count: result.elementCount, result, offsets,
                    result.elementCount, Int32(sizes.outputs), Int32(sizes.plane), Int32(rectify ? 1 : 0))
            }
            return result
        }
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
        if usesProducts(dtype), dy.elementCount > 0 {
            dataProduct(gpu, dy, weight.on(gpu).converted(to: dtype), into: result, sizes)
            return result
        }
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
        if usesProducts(dtype), sizes.patch > 0, sizes.outputs > 0 {
            return weightProduct(gpu, x.on(gpu).converted(to: dtype), dy, sizes)
        }
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

    // MARK: - By cuBLAS, for the tensor cores, which kernels without assembly cannot use
    //
    // The patches of some images, `columns` [patch, images · outputHeight · outputWidth], are laid out in memory, and each
    // of the three is a product with them.

    /// So many bytes of patches at a time. Of LeNet's second convolution that is half a batch of 4,096.
    private static let patchBytes = 256 << 20

    private static func usesProducts(_ dtype: DType) -> Bool {
        dtype == .float32 && ProductPrecision.current != .float32
    }

    /// Calls `body` for each group and each part of the images, whose number depends on the sizes alone, with memory for
    /// their patches.
    private static func eachPart(
        _ gpu: GPU, _ operation: String, _ s: ConvolutionSizes,
        _ body: (_ group: Int, _ images: Range<Int>, _ columns: Tensor) throws -> Void
    ) {
        let most = max(1, min(s.batch, patchBytes / max(1, s.patch * s.plane * 4)))
        let columns = gpu.tensor([s.patch, most * s.plane], for: operation)
        gpu.doing(operation) {
            for group in 0..<s.groups {
                for first in stride(from: 0, to: s.batch, by: most) {
                    try body(group, first..<min(first + most, s.batch), columns)
                }
            }
        }
    }

    private static func unfold(
        _ gpu: GPU, _ operation: String, _ x: Tensor, _ columns: Tensor, _ s: ConvolutionSizes, _ group: Int,
        _ images: Range<Int>
    ) {
        gpu.launch(
            operation, "convolution", "unfolded_float32", count: s.patch * images.count * s.plane, x, columns,
            LabConvolution(s), Int32(group), Int32(images.lowerBound), Int32(images.count))
    }

    private static func place(_ tensor: Tensor, _ element: Int) -> LabAddress {
        DevicePlace(tensor.buffer, element * 4).address
    }

    /// y[image][outputs, pixels] = weight[outputs, patch] · columns[patch, the image's pixels].
    private static func product(
        _ gpu: GPU, _ x: Tensor, _ weight: Tensor, into y: Tensor, _ s: ConvolutionSizes
    ) {
        eachPart(gpu, "conv2D", s) { group, images, columns in
            unfold(gpu, "conv2D", x, columns, s, group, images)
            try gpu.products.run(
                DeviceProducts.Batch(
                    rows: s.outputsPerGroup, columns: s.plane, inner: s.patch,
                    left: place(weight, group * s.outputsPerGroup * s.patch), leftColumns: s.patch, leftStep: 0,
                    transposesLeft: false, right: place(columns, 0), rightColumns: images.count * s.plane,
                    rightStep: s.plane, transposesRight: false,
                    result: place(y, (images.lowerBound * s.outputs + group * s.outputsPerGroup) * s.plane),
                    count: images.count, resultStep: s.outputs * s.plane),
                .float32)
        }
    }

    /// columns[patch, the image's pixels] = weight'[patch, outputs] · dy[image][outputs, pixels], folded to images.
    private static func dataProduct(
        _ gpu: GPU, _ dy: Tensor, _ weight: Tensor, into dx: Tensor, _ s: ConvolutionSizes
    ) {
        eachPart(gpu, "gradient of conv2D", s) { group, images, columns in
            try gpu.products.run(
                DeviceProducts.Batch(
                    rows: s.patch, columns: s.plane, inner: s.outputsPerGroup,
                    left: place(weight, group * s.outputsPerGroup * s.patch), leftColumns: s.patch, leftStep: 0,
                    transposesLeft: true,
                    right: place(dy, (images.lowerBound * s.outputs + group * s.outputsPerGroup) * s.plane),
                    rightColumns: s.plane, rightStep: s.outputs * s.plane, transposesRight: false,
                    result: place(columns, 0), count: images.count, resultColumns: images.count * s.plane,
                    resultStep: s.plane),
                .float32)
            gpu.launch(
                "gradient of conv2D", "convolution", "folded_float32",
                count: images.count * s.inputsPerGroup * s.height * s.width, columns, dx, LabConvolution(s),
                Int32(group), Int32(images.lowerBound), Int32(images.count))
        }
    }

    /// dw[outputs, patch] = dy[outputs, pixels] · columns'[pixels, patch], with the pixels of all images side by side.
    private static func weightProduct(_ gpu: GPU, _ x: Tensor, _ dy: Tensor, _ s: ConvolutionSizes) -> Tensor {
        let result = gpu.tensor(s.weightShape, for: "gradient of conv2D")
        // [outputs, batch, pixels]
        let slopes = dy.withoutGradient().reshaped(s.batch, s.outputs, s.plane).permuted([1, 0, 2])
        eachPart(gpu, "gradient of conv2D", s) { group, images, columns in
            unfold(gpu, "gradient of conv2D", x, columns, s, group, images)
            try gpu.products.run(
                DeviceProducts.Batch(
                    rows: s.outputsPerGroup, columns: s.patch, inner: images.count * s.plane,
                    left: place(slopes, (group * s.outputsPerGroup * s.batch + images.lowerBound) * s.plane),
                    leftColumns: s.batch * s.plane, leftStep: 0, transposesLeft: false, right: place(columns, 0),
                    rightColumns: images.count * s.plane, rightStep: 0, transposesRight: true,
                    result: place(result, group * s.outputsPerGroup * s.patch), count: 1,
                    adds: images.lowerBound > 0),
                .float32)
        }
        return result
    }
}

extension ConvolutionSizes {
    /// The pixels of an output image.
    fileprivate var plane: Int { outputHeight * outputWidth }
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
