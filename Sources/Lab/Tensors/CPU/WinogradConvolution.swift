internal import CKernels

/// Convolutions with 3x3 filters, stride 1 and many channels, by Winograd's F(2x2, 3x3): squares of 2x2 outputs take 16
/// products for each pair of channels and not 36. Channels lie side by side, 16 at a time.
///
/// Work is cut into blocks of tiles, whole images or bands of rows, so that what a block transforms stays in the
/// second-level cache.
struct WinogradConvolution: ConvolutionWay {
    let sizes: ConvolutionSizes

    /// `nil` where the sizes are not for this way: with few channels the transforms cost more than they save, and
    /// channels beyond a multiple of 16 are computed for nothing.
    init?(_ sizes: ConvolutionSizes) {
        guard sizes.kernelHeight == 3, sizes.kernelWidth == 3, sizes.stride == .one, sizes.dilation == .one,
            sizes.groups == 1, max(sizes.padding.height, sizes.padding.width) <= 2, sizes.inputs >= 16,
            sizes.outputs >= 16,
            sizes.outputHeight >= 2, sizes.outputWidth >= 2,
            16 * sizes.inputs >= 12 * sizes.inputs.upTo16, 16 * sizes.outputs >= 12 * sizes.outputs.upTo16
        else { return nil }
        self.sizes = sizes
    }

    func forward(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, rectify: Bool) -> Tensor {
        let result = Tensor(uninitialized: sizes.outputShape)
        let pass = WinogradPass(
            batch: sizes.batch, inputs: sizes.inputs, height: sizes.height, width: sizes.width, outputs: sizes.outputs,
            padding: sizes.padding)
        pass.run(x.floats, transformedFilters(weight), bias?.converted(to: .float32), rectify: rectify, result.floats)
        return result
    }

    /// The convolution of `dy` with the filters turned by half and the channels' roles exchanged.
    func dataGradient(_ dy: Tensor, _ weight: Tensor) -> Tensor {
        let result = Tensor(uninitialized: sizes.inputShape)
        let pass = WinogradPass(
            batch: sizes.batch, inputs: sizes.outputs, height: sizes.outputHeight, width: sizes.outputWidth,
            outputs: sizes.inputs,
            padding: HeightAndWidth(height: 2 - sizes.padding.height, width: 2 - sizes.padding.width))
        pass.run(dy.floats, turnedFilters(weight), nil, rectify: false, result.floats)
        return result
    }

    func weightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
        // A sum over few tiles is short, and the transforms' own rounding shows in it: 6·ε·Σ|ab| with four of them, and
        // with numbers of one sign still 5.4 with 40.
        guard sizes.batch * sizes.outputHeight * sizes.outputWidth >= 512 else {
            return PatchConvolution(sizes).weightGradient(x, dy)
        }
        let pass = WinogradPass(
            batch: sizes.batch, inputs: sizes.inputs, height: sizes.height, width: sizes.width, outputs: sizes.outputs,
            padding: sizes.padding)
        let (inputs, outputs) = (sizes.inputs, sizes.outputs)
        // [16][outputs][inputs], the last axis up to a multiple of 16.
        let sums = pass.gradientSums(x.floats, dy.floats)
        let result = Tensor(uninitialized: sizes.weightShape)
        let (from, to, table) = (sums.pointer(Float.self), result.floats, kernels_table())
        let width = inputs.upTo16
        parallel(outputs, grain: 16) { range in
            for output in range {
                let flat = kernels_scratch(3, 9 * width)
                table.pointee.winogradFilterGradient(
                    from + output * width, Int64(outputs * width), Int64(width), flat, Int64(width))
                table.pointee.transpose(flat, 9, Int64(inputs), Int64(width), to + output * inputs * 9, 9)
            }
        }
        return result
    }

    // MARK: - Filters

    /// `[16][panels of outputs][inputs][outputs of the panel]`.
    private func transformedFilters(_ weight: Tensor) -> Buffer {
        let (inputs, outputs) = (sizes.inputs, sizes.outputs)
        let width = outputs.upTo16
        let turned = Tensor.zeros([inputs * 9, width], on: nil)
        let u = Buffer(byteCount: 16 * inputs.upTo16 * width * 4)
        let plane = inputs.upTo16 * width
        let (from, flat, to, table) = (weight.floats, turned.floats, u.pointer(Float.self), kernels_table())
        parallel(inputs, grain: 16) { range in
            let start = range.lowerBound * 9
            table.pointee.transpose(
                from + start, Int64(outputs), Int64(range.count * 9), Int64(inputs * 9), flat + start * width,
                Int64(width))
            for input in range {
                for panel in WinogradPass.panels(0..<width) {
                    table.pointee.winogradFilters(
                        flat + input * 9 * width + panel.lowerBound, Int64(width), Int64(panel.count),
                        to + panel.lowerBound * inputs.upTo16 + input * panel.count, Int64(plane))
                }
            }
        }
        clearRows(to, inputs, width)
        return u
    }

    /// The same for the way back: `[16][panels of inputs][outputs][inputs of the panel]`, each filter turned by half.
    private func turnedFilters(_ weight: Tensor) -> Buffer {
        let (inputs, outputs) = (sizes.inputs, sizes.outputs)
        let width = inputs.upTo16
        let u = Buffer(byteCount: 16 * outputs.upTo16 * width * 4)
        let plane = outputs.upTo16 * width
        let (from, to, table) = (weight.floats, u.pointer(Float.self), kernels_table())
        parallel(outputs, grain: 16) { range in
            let flat = kernels_scratch(3, 9 * width)
            if width > inputs { flat.update(repeating: 0, count: 9 * width) }
            for output in range {
                table.pointee.transpose(from + output * inputs * 9, Int64(inputs), 9, 9, flat, Int64(width))
                for panel in WinogradPass.panels(0..<width) {
                    table.pointee.winogradFilters(
                        flat + 8 * width + panel.lowerBound, Int64(-width), Int64(panel.count),
                        to + panel.lowerBound * outputs.upTo16 + output * panel.count, Int64(plane))
                }
            }
        }
        clearRows(to, outputs, width)
        return u
    }

    /// Sets the filters of channels that are there only to fill 16 to 0.
    private func clearRows(_ u: UnsafeMutablePointer<Float>, _ rows: Int, _ width: Int) {
        guard rows < rows.upTo16 else { return }
        for place in 0..<16 {
            for panel in WinogradPass.panels(0..<width) {
                let start = u + place * rows.upTo16 * width + panel.lowerBound * rows.upTo16
                (start + rows * panel.count).update(repeating: 0, count: (rows.upTo16 - rows) * panel.count)
            }
        }
    }
}

/// One convolution of images `[batch, inputs, height, width]` to `[batch, outputs, …]`, whatever it is used for.
private struct WinogradPass {
    let batch: Int
    let inputs: Int
    let height: Int
    let width: Int
    let outputs: Int
    let padding: HeightAndWidth

    private var outputHeight: Int { height + 2 * padding.height - 2 }
    private var outputWidth: Int { width + 2 * padding.width - 2 }
    private var tileRows: Int { (outputHeight + 1) / 2 }
    private var tileColumns: Int { (outputWidth + 1) / 2 }

    /// Output channels that one product computes.
    private static let panelWidth = 64

    static func panels(_ channels: Range<Int>) -> [Range<Int>] {
        stride(from: channels.lowerBound, to: channels.upperBound, by: panelWidth).map {
            $0..<min($0 + panelWidth, channels.upperBound)
        }
    }

    /// A block: some images, and the rows of tiles in each.
    private struct Block {
        var images: Range<Int>
        var rows: Range<Int>
    }

    /// About 800 kB of transformed inputs and outputs a block, but at least 64 tiles, for each of which all filters are read.
    private var blocks: [Block] {
        let wanted = max(12_500 / (inputs.upTo16 + Self.panelWidth), 64)
        let perImage = tileRows * tileColumns
        if perImage <= wanted {
            let images = max(1, wanted / perImage)
            return stride(from: 0, to: batch, by: images).map {
                Block(images: $0..<min($0 + images, batch), rows: 0..<tileRows)
            }
        }
        let bands = (tileRows + max(1, wanted / tileColumns) - 1) / max(1, wanted / tileColumns)
        let rows = (tileRows + bands - 1) / bands
        return (0..<batch).flatMap { image in
            stride(from: 0, to: tileRows, by: rows).map {
                Block(images: image..<image + 1, rows: $0..<min($0 + rows, tileRows))
            }
        }
    }

    /// A plane of a block in a transformed tensor, a line of memory longer than it has to be: planes that lie a power of
    /// two apart would fall on the same lines of the cache.
    private func plane(_ tiles: Int, _ channels: Int) -> Int { tiles * channels + 16 }

    func run(
        _ x: UnsafePointer<Float>, _ filters: Buffer, _ bias: Tensor?, rectify: Bool, _ y: UnsafeMutablePointer<Float>
    ) {
        let (depth, width, table) = (inputs.upTo16, outputs.upTo16, kernels_table())
        let offsets = [Float](unsafeUninitializedCapacity: width) { values, count in
            for i in 0..<width { values[i] = i < outputs ? bias?.floats[i] ?? 0 : 0 }
            count = width
        }
        let blocks = blocks
        let u = filters.pointer(Float.self)
        let tileColumns = tileColumns
        offsets.withUnsafeBufferPointer { offsets in
            nonisolated(unsafe) let offsets = offsets
            parallel(blocks.count) { number in
                let block = blocks[number]
                let tiles = block.images.count * block.rows.count * tileColumns
                let vPlane = plane(tiles, depth)
                let v = transformInputs(x, block, vPlane)
                // Of many channels the inputs leave the second-level cache, and it is better that the outputs do.
                for group in depth >= 256 ? [0..<width] : Self.panels(0..<width) {
                    let mPlane = plane(tiles, group.count)
                    let m = kernels_scratch(2, 16 * mPlane)
                    for place in 0..<16 {
                        for panel in Self.panels(group) {
                            table.pointee.multiply(
                                v + place * vPlane, Int64(depth), 1,
                                u + place * depth * width + panel.lowerBound * depth, Int64(panel.count),
                                m + place * mPlane + panel.lowerBound - group.lowerBound, Int64(group.count),
                                Int64(tiles), Int64(panel.count), Int64(depth), 0)
                        }
                    }
                    transformOutputs(m, mPlane, block, group, offsets.baseAddress!, rectify, y)
                }
            }
        }
    }

    /// Bᵀ d B of all input channels of a block, in scratch memory 1: `[16][tiles][channels]`.
    private func transformInputs(
        _ x: UnsafePointer<Float>, _ block: Block, _ vPlane: Int
    ) -> UnsafeMutablePointer<Float> {
        let table = kernels_table()
        let depth = inputs.upTo16
        let v = kernels_scratch(1, 16 * vPlane)
        let pitch = 2 * tileColumns + 2
        let rows = 2 * block.rows.count + 2
        let packed = kernels_scratch(0, rows * pitch * 16)
        let first = 2 * block.rows.lowerBound - padding.height
        // Which of these rows lie inside the image.
        let inside = max(0, first)..<max(max(0, first), min(first + rows, height))
        let above = min(inside.lowerBound - first, rows)
        for (index, image) in block.images.enumerated() {
            for channel in stride(from: 0, to: depth, by: 16) {
                packed.update(repeating: 0, count: above * pitch * 16)
                table.pointee.pack(
                    x + (image * inputs + channel) * height * width + inside.lowerBound * width,
                    Int64(height * width), Int64(min(16, inputs - channel)), Int64(inside.count), Int64(width),
                    Int64(padding.width), Int64(pitch), packed + above * pitch * 16)
                let end = above + inside.count
                (packed + end * pitch * 16).update(repeating: 0, count: (rows - end) * pitch * 16)
                table.pointee.winogradInput(
                    packed, Int64(pitch), Int64(block.rows.count), Int64(tileColumns),
                    v + index * block.rows.count * tileColumns * depth + channel, Int64(depth), Int64(vPlane))
            }
        }
        return v
    }

    /// Aᵀ m A of a panel of output channels, to where it belongs.
    private func transformOutputs(
        _ m: UnsafePointer<Float>, _ mPlane: Int, _ block: Block, _ panel: Range<Int>, _ bias: UnsafePointer<Float>,
        _ rectify: Bool, _ y: UnsafeMutablePointer<Float>
    ) {
        let table = kernels_table()
        let pitch = 2 * tileColumns
        let packed = kernels_scratch(0, 2 * block.rows.count * pitch * 16)
        let rows = min(2 * block.rows.count, outputHeight - 2 * block.rows.lowerBound)
        for (index, image) in block.images.enumerated() {
            for channel in stride(from: panel.lowerBound, to: panel.upperBound, by: 16) {
                table.pointee.winogradOutput(
                    m + index * block.rows.count * tileColumns * panel.count + channel - panel.lowerBound,
                    Int64(panel.count), Int64(mPlane), bias + channel, rectify ? 1 : 0, packed, Int64(pitch),
                    Int64(block.rows.count), Int64(tileColumns))
                table.pointee.unpack(
                    packed, Int64(rows), Int64(outputWidth), 0, Int64(pitch),
                    y + (image * outputs + channel) * outputHeight * outputWidth
                        + 2 * block.rows.lowerBound * outputWidth, Int64(outputHeight * outputWidth),
                    Int64(min(16, outputs - channel)))
            }
        }
    }

    /// Σ over tiles of (A dy Aᵀ) (Bᵀ d B)ᵀ at each of the 16 places: `[16][outputs][inputs up to 16]`.
    func gradientSums(_ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>) -> Buffer {
        let (depth, table) = (inputs.upTo16, kernels_table())
        let blocks = blocks
        let size = 16 * outputs * depth
        // Parts with sums of their own, at most 8 MB of them, added in order.
        let wanted = min(max(2_000_000 / size, 2), 16, blocks.count)
        let perPart = (blocks.count + wanted - 1) / max(wanted, 1)
        let parts = (blocks.count + perPart - 1) / max(perPart, 1)
        let sums = Buffer(byteCount: parts * size * 4)
        let totals = sums.pointer(Float.self)
        let tileColumns = tileColumns
        parallel(parts) { part in
            let to = totals + part * size
            for number in part * perPart..<min((part + 1) * perPart, blocks.count) {
                let block = blocks[number]
                let tiles = block.images.count * block.rows.count * tileColumns
                let vPlane = plane(tiles, depth)
                let v = transformInputs(x, block, vPlane)
                for panel in Self.panels(0..<outputs.upTo16) {
                    let dPlane = plane(tiles, panel.count)
                    let d = transformGradients(dy, block, panel, dPlane)
                    let rows = min(panel.upperBound, outputs) - panel.lowerBound
                    for place in 0..<16 {
                        table.pointee.multiply(
                            d + place * dPlane, 1, Int64(panel.count), v + place * vPlane, Int64(depth),
                            to + (place * outputs + panel.lowerBound) * depth, Int64(depth), Int64(rows),
                            Int64(depth), Int64(tiles), number == part * perPart ? 0 : 1)
                    }
                }
            }
        }
        guard parts > 1 else { return sums }
        let result = Buffer(byteCount: size * 4)
        let to = result.pointer(Float.self)
        parallel(size, grain: 8192) {
            table.pointee.sumParts(
                totals + $0.lowerBound, Int64(parts), Int64(size), Int64($0.count), to + $0.lowerBound)
        }
        return result
    }

    /// A dy Aᵀ of a panel of output channels, in scratch memory 2.
    private func transformGradients(
        _ dy: UnsafePointer<Float>, _ block: Block, _ panel: Range<Int>, _ dPlane: Int
    ) -> UnsafeMutablePointer<Float> {
        let table = kernels_table()
        let d = kernels_scratch(2, 16 * dPlane)
        let pitch = 2 * tileColumns
        let packed = kernels_scratch(0, 2 * block.rows.count * pitch * 16)
        let rows = min(2 * block.rows.count, outputHeight - 2 * block.rows.lowerBound)
        for (index, image) in block.images.enumerated() {
            for channel in stride(from: panel.lowerBound, to: panel.upperBound, by: 16) {
                table.pointee.pack(
                    dy + (image * outputs + channel) * outputHeight * outputWidth
                        + 2 * block.rows.lowerBound * outputWidth, Int64(outputHeight * outputWidth),
                    Int64(min(16, outputs - channel)), Int64(rows), Int64(outputWidth), 0, Int64(pitch), packed)
                (packed + rows * pitch * 16).update(
                    repeating: 0, count: (2 * block.rows.count - rows) * pitch * 16)
                table.pointee.winogradGradient(
                    packed, Int64(pitch), Int64(block.rows.count), Int64(tileColumns),
                    d + index * block.rows.count * tileColumns * panel.count + channel - panel.lowerBound,
                    Int64(panel.count), Int64(dPlane))
            }
        }
        return d
    }
}

extension Int {
    fileprivate var upTo16: Int { (self + 15) / 16 * 16 }
}
