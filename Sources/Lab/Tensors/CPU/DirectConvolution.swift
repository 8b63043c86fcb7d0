internal import CKernels

/// Convolutions with 3x3 and 5x5 filters and stride 1, 16 images side by side: each vector of a kernel holds the same
/// pixel of 16 images, so no lane is wasted on odd channel counts and sizes. Images are packed to that layout in memory
/// of the thread and unpacked again, at 20 to 50 GB/s, a few percent of the work.
struct DirectConvolution {
    let sizes: ConvolutionSizes
    private let kernel: Int
    private let groups16: Int
    private let pitch: Int
    private let inputPitch: Int
    /// Output rows that are worked on at once, chosen so that what is packed stays in the second-level cache.
    private let rowsPerBand: Int

    /// `nil` where the sizes are not for this way.
    init?(_ sizes: ConvolutionSizes) {
        guard sizes.kernelHeight == sizes.kernelWidth, sizes.kernelHeight == 3 || sizes.kernelHeight == 5,
            sizes.stride == .one, sizes.dilation == .one, sizes.groups == 1, sizes.batch >= 8,
            max(sizes.padding.height, sizes.padding.width) < sizes.kernelHeight
        else { return nil }
        self.sizes = sizes
        kernel = sizes.kernelHeight
        groups16 = (sizes.batch + 15) / 16
        pitch = (sizes.outputWidth + 7) / 8 * 8
        inputPitch = pitch + kernel - 1
        let bytesPerRow = max(sizes.inputs * inputPitch, sizes.outputs * pitch) * 64
        rowsPerBand = min(max(1_000_000 / max(bytesPerRow, 1), 2) / 2 * 2, sizes.outputHeight)
    }

    /// Whether pooling can join: the whole image is one band, and 2x2 squares cover it.
    var poolsAtOnce: Bool {
        rowsPerBand == sizes.outputHeight && sizes.outputHeight % 2 == 0 && sizes.outputWidth % 2 == 0
    }

    private var bands: Int { (sizes.outputHeight + rowsPerBand - 1) / rowsPerBand }
    private var imageSize: Int { sizes.height * sizes.width }
    private func imagesInGroup(_ group: Int) -> Int64 { Int64(min(16, sizes.batch - group * 16)) }

    private func kernelSizes(rows: Int, inputRows: Int? = nil) -> KernelsConvolution {
        KernelsConvolution(
            inputs: Int64(sizes.inputs), outputs: Int64(sizes.outputs), rows: Int64(rows),
            width: Int64(sizes.outputWidth), inputRows: Int64(inputRows ?? rows + kernel - 1),
            inputPitch: Int64(inputPitch), outputPitch: Int64(pitch), kernel: Int64(kernel), firstRow: 0, endRow: 0)
    }

    /// How many parts the output channels are cut into, so that few images still give every thread work.
    private func parts(_ tiles: Int) -> Int { tiles >= 4 || sizes.outputs < 16 ? 1 : 2 }

    // MARK: - Forward

    func forward(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, rectify: Bool) -> Tensor {
        let result = Tensor(uninitialized: sizes.outputShape)
        let (source, target, table) = (x.floats, result.floats, kernels_table())
        let filters = packedFilters(weight, blocksOfInputs: false)
        let offsets = (bias ?? Tensor.zeros([sizes.outputs], on: nil)).converted(to: .float32)
        let plane = sizes.outputHeight * sizes.outputWidth
        forEachForwardTile { group, rows, channels in
            let packed = packInput(source, group, from: rows.lowerBound, count: rows.count)
            var c = kernelSizes(rows: rows.count)
            c.outputs = Int64(channels.count)
            let y = kernels_scratch(1, channels.count * rows.count * pitch * 16)
            table.pointee.convolve(
                &c, packed, filters.pointer() + channels.lowerBound * sizes.patch,
                offsets.floats + channels.lowerBound, rectify ? 1 : 0, y)
            for (index, channel) in channels.enumerated() {
                table.pointee.unpack(
                    y + index * rows.count * pitch * 16, Int64(rows.count), Int64(sizes.outputWidth), 0, Int64(pitch),
                    target + (group * 16 * sizes.outputs + channel) * plane + rows.lowerBound * sizes.outputWidth,
                    Int64(sizes.outputs * plane), imagesInGroup(group))
            }
        }
        return result
    }

    /// Convolution and 2x2 maximum pooling: the result, and which of each four was taken, packed.
    func forwardPooled(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, rectify: Bool) -> (Tensor, Buffer) {
        let (height, width) = (sizes.outputHeight / 2, sizes.outputWidth / 2)
        let result = Tensor(uninitialized: [sizes.batch, sizes.outputs, height, width])
        let which = Buffer(byteCount: groups16 * sizes.outputs * height * width * 16)
        let (source, target, table) = (x.floats, result.floats, kernels_table())
        let filters = packedFilters(weight, blocksOfInputs: false)
        let offsets = (bias ?? Tensor.zeros([sizes.outputs], on: nil)).converted(to: .float32)
        let plane = height * width
        forEachForwardTile { group, rows, channels in
            let packed = packInput(source, group, from: 0, count: rows.count)
            var c = kernelSizes(rows: rows.count)
            c.outputs = Int64(channels.count)
            let y = kernels_scratch(1, channels.count * plane * 16)
            table.pointee.convolvePool(
                &c, packed, filters.pointer() + channels.lowerBound * sizes.patch,
                offsets.floats + channels.lowerBound, rectify ? 1 : 0, y,
                which.pointer() + (group * sizes.outputs + channels.lowerBound) * plane * 16)
            for (index, channel) in channels.enumerated() {
                table.pointee.unpack(
                    y + index * plane * 16, Int64(height), Int64(width), 0, Int64(width),
                    target + (group * 16 * sizes.outputs + channel) * plane, Int64(sizes.outputs * plane),
                    imagesInGroup(group))
            }
        }
        return (result, which)
    }

    private func forEachForwardTile(_ body: (_ group: Int, _ rows: Range<Int>, _ channels: Range<Int>) -> Void) {
        let (bands, parts) = (bands, parts(groups16 * bands))
        let block = Int(kernels_table().pointee.outputBlock)
        let blocks = (sizes.outputs + block - 1) / block
        parallel(groups16 * bands * parts) { tile in
            let (rest, part) = tile.quotientAndRemainder(dividingBy: parts)
            let (group, band) = rest.quotientAndRemainder(dividingBy: bands)
            let rows = band * rowsPerBand..<min((band + 1) * rowsPerBand, sizes.outputHeight)
            let channels = blocks * part / parts * block..<min(blocks * (part + 1) / parts * block, sizes.outputs)
            if !channels.isEmpty { body(group, rows, channels) }
        }
    }

    // MARK: - Backward

    /// The gradients that are asked for.
    func backward(_ x: Tensor?, _ weight: Tensor?, _ dy: Tensor, data: Bool, weights: Bool) -> ConvolutionBackend.Ways {
        let gradient = dy.floats
        let dx = data ? Tensor(uninitialized: sizes.inputShape) : nil
        let filters = data ? packedFilters(weight!, blocksOfInputs: true) : nil
        let (weightCount, stride) = (sizes.weightShape.elementCount, sizes.weightShape.elementCount + sizes.outputs)
        let sums = weights ? Buffer(byteCount: groups16 * stride * 4) : nil
        let source = x?.floats
        // One tile for the weights of each 16 images, then those of the data, which are cut into bands.
        let inputRows = sizes.height + 2 * sizes.padding.height
        let bandRows = rowsPerBand == sizes.outputHeight ? inputRows : rowsPerBand
        let dataBands = (inputRows + bandRows - 1) / bandRows
        let weightParts = weights ? parts(groups16 * (data ? 2 : 1)) : 0
        let block = Int(kernels_table().pointee.outputBlock)
        let blocks = (sizes.outputs + block - 1) / block
        parallel(groups16 * weightParts + (data ? groups16 * dataBands : 0)) { tile in
            if tile < groups16 * weightParts {
                let (group, part) = tile.quotientAndRemainder(dividingBy: weightParts)
                let channels =
                    blocks * part / weightParts * block..<min(blocks * (part + 1) / weightParts * block, sizes.outputs)
                let to = sums!.pointer(Float.self) + group * stride
                (to + channels.lowerBound * sizes.patch).update(repeating: 0, count: channels.count * sizes.patch)
                (to + weightCount + channels.lowerBound).update(repeating: 0, count: channels.count)
                addWeightGradient(source!, gradient, group, channels, to, to + weightCount)
            } else {
                let (group, band) = (tile - groups16 * weightParts).quotientAndRemainder(dividingBy: dataBands)
                let rows = band * bandRows..<min((band + 1) * bandRows, inputRows)
                computeDataGradient(gradient, filters!.pointer(), group, rows, dx!.floats)
            }
        }
        guard let sums else { return (dx, nil, nil) }
        let totals = Tensor(uninitialized: [stride])
        let (from, to) = (sums.pointer(Float.self), totals.floats)
        let groups = Int64(groups16)
        parallel(stride, grain: 8192) {
            kernels_table().pointee.sumParts(
                from + $0.lowerBound, groups, Int64(stride), Int64($0.count), to + $0.lowerBound)
        }
        return (
            dx,
            Tensor(
                handle: Handle(
                    shape: sizes.weightShape, dtype: .float32,
                    buffer: Buffer(of: totals.buffer, offset: 0, byteCount: weightCount * 4))),
            Tensor(
                handle: Handle(
                    shape: [sizes.outputs], dtype: .float32,
                    buffer: Buffer(of: totals.buffer, offset: weightCount * 4, byteCount: sizes.outputs * 4)))
        )
    }

    private func addWeightGradient(
        _ source: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ group: Int, _ channels: Range<Int>,
        _ dw: UnsafeMutablePointer<Float>, _ db: UnsafeMutablePointer<Float>
    ) {
        for band in 0..<bands {
            let rows = band * rowsPerBand..<min((band + 1) * rowsPerBand, sizes.outputHeight)
            let packed = packInput(source, group, from: rows.lowerBound, count: rows.count)
            let d = packGradient(gradient, group, rows, channels)
            var c = kernelSizes(rows: rows.count)
            // The kernel counts channels from the first one packed.
            kernels_table().pointee.weightGradient(
                &c, packed, d, dw + channels.lowerBound * sizes.patch, db + channels.lowerBound, 0,
                Int64(channels.count))
        }
    }

    /// The gradient of padded input rows, for one group of 16 images.
    private func computeDataGradient(
        _ gradient: UnsafePointer<Float>, _ filters: UnsafePointer<Float>, _ group: Int, _ rows: Range<Int>,
        _ target: UnsafeMutablePointer<Float>
    ) {
        let table = kernels_table()
        // The output rows that these input rows took part in.
        let outputs = max(0, rows.lowerBound - kernel + 1)..<min(rows.upperBound, sizes.outputHeight)
        guard !outputs.isEmpty else { return }
        let d = packGradient(gradient, group, outputs, 0..<sizes.outputs)
        var c = kernelSizes(rows: outputs.count)
        // Of the packed rows, which begin at the first output row, only those of this band.
        let shift = outputs.lowerBound
        c.firstRow = Int64(rows.lowerBound - shift)
        c.endRow = Int64(min(rows.upperBound - shift, outputs.count + kernel - 1))
        let packedPlane = (outputs.count + kernel - 1) * inputPitch * 16
        let dx = kernels_scratch(0, sizes.inputs * packedPlane)
        table.pointee.dataGradient(&c, d, filters, dx, 0, Int64(sizes.inputs))
        // Without the padding.
        let wanted =
            max(
                rows.lowerBound, sizes.padding.height)..<max(
                max(rows.lowerBound, sizes.padding.height), min(rows.upperBound, sizes.padding.height + sizes.height))
        for channel in 0..<sizes.inputs {
            table.pointee.unpack(
                dx + channel * packedPlane + (wanted.lowerBound - shift) * inputPitch * 16, Int64(wanted.count),
                Int64(sizes.width), Int64(sizes.padding.width), Int64(inputPitch),
                target + (group * 16 * sizes.inputs + channel) * imageSize
                    + (wanted.lowerBound - sizes.padding.height) * sizes.width,
                Int64(sizes.inputs * imageSize), imagesInGroup(group))
        }
    }

    // MARK: - Packing

    /// The rows of 16 images under a band of output rows, padding included, in scratch memory 0.
    private func packInput(
        _ source: UnsafePointer<Float>, _ group: Int, from first: Int, count: Int
    ) -> UnsafeMutablePointer<Float> {
        let rows = count + kernel - 1
        let plane = rows * inputPitch * 16
        let packed = kernels_scratch(0, sizes.inputs * plane)
        // Which of these rows lie inside the image.
        let inside =
            max(0, first - sizes.padding.height)..<max(0, min(first - sizes.padding.height + rows, sizes.height))
        let above = inside.lowerBound - (first - sizes.padding.height)
        for channel in 0..<sizes.inputs {
            let to = packed + channel * plane
            to.update(repeating: 0, count: above * inputPitch * 16)
            kernels_table().pointee.pack(
                source + (group * 16 * sizes.inputs + channel) * imageSize + inside.lowerBound * sizes.width,
                Int64(sizes.inputs * imageSize), imagesInGroup(group), Int64(inside.count), Int64(sizes.width),
                Int64(sizes.padding.width), Int64(inputPitch), to + above * inputPitch * 16)
            let below = rows - above - inside.count
            (to + (rows - below) * inputPitch * 16).update(repeating: 0, count: below * inputPitch * 16)
        }
        return packed
    }

    /// The gradient of a band of output rows and some channels, in scratch memory 1.
    private func packGradient(
        _ gradient: UnsafePointer<Float>, _ group: Int, _ rows: Range<Int>, _ channels: Range<Int>
    ) -> UnsafeMutablePointer<Float> {
        let plane = rows.count * pitch * 16
        let packed = kernels_scratch(1, channels.count * plane)
        let (height, width) = (sizes.outputHeight, sizes.outputWidth)
        for (index, channel) in channels.enumerated() {
            let from = gradient + (group * 16 * sizes.outputs + channel) * height * width
            kernels_table().pointee.pack(
                from + rows.lowerBound * width, Int64(sizes.outputs * height * width), imagesInGroup(group),
                Int64(rows.count), Int64(width), 0, Int64(pitch), packed + index * plane)
        }
        return packed
    }

    /// Filters in blocks of output (forward) or input (backward) channels, the last block filled with zeros.
    private func packedFilters(_ weight: Tensor, blocksOfInputs: Bool) -> Buffer {
        let table = kernels_table()
        let block = Int(blocksOfInputs ? table.pointee.inputBlock : table.pointee.outputBlock)
        let (across, along) = blocksOfInputs ? (sizes.inputs, sizes.outputs) : (sizes.outputs, sizes.inputs)
        let blocks = (across + block - 1) / block
        let square = kernel * kernel
        let buffer = Buffer(byteCount: blocks * block * along * square * 4)
        let (from, to) = (weight.floats, buffer.pointer(Float.self))
        for b in 0..<blocks {
            let here = min(block, across - b * block)
            let start = to + b * along * square * block
            if here < block { start.update(repeating: 0, count: along * square * block) }
            if blocksOfInputs {
                for output in 0..<along {
                    table.pointee.transpose(
                        from + (output * sizes.inputs + b * block) * square, Int64(here), Int64(square), Int64(square),
                        start + output * square * block, Int64(block))
                }
            } else {
                let row = Int64(along * square)
                table.pointee.transpose(
                    from + b * block * along * square, Int64(here), row, row, start, Int64(block))
            }
        }
        return buffer
    }
}
