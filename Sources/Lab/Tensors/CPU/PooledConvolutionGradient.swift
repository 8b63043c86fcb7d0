internal import CKernels

/// The gradients of a convolution that 2x2 maximum pooling follows. Three of each four pixels have none, so a quarter of
/// the multiplications do; which pixel has one differs from image to image, so here the channels of one image lie side by
/// side, in blocks, and not those of 16 images.
struct PooledConvolutionGradient {
    private let sizes: ConvolutionSizes
    /// Which pixel of its square was taken, or 4 for none: `[images / 16][outputs][squares][16]`.
    private let which: Buffer
    private let kernel: Int
    private let blocks: Int
    /// Numbers of a pixel in a block: its channels, and zeros up to whole vectors. Up to four channels stay as they are,
    /// and a vector holds pixels.
    private let pixel: Int
    /// Vectors of a row of a filter.
    private let vectors: Int
    private let lanes: Int

    init(_ sizes: ConvolutionSizes, which: Buffer) {
        let table = kernels_table().pointee
        let lanes = Int(table.channelLanes)
        self.sizes = sizes
        self.which = which
        self.lanes = lanes
        kernel = sizes.kernelHeight
        if sizes.inputs <= 4 {
            (blocks, pixel) = (1, sizes.inputs)
        } else {
            let channelVectors = (sizes.inputs + lanes - 1) / lanes
            blocks = (channelVectors + Int(table.channelVectors) - 1) / Int(table.channelVectors)
            pixel = (channelVectors + blocks - 1) / blocks * lanes
        }
        vectors = (kernel * pixel + lanes - 1) / lanes
    }

    private var squares: Int { sizes.outputHeight / 2 * (sizes.outputWidth / 2) }
    private var rows: Int { sizes.height + 2 * sizes.padding.height }
    private var pitch: Int { (sizes.width + 2 * sizes.padding.width) * pixel }
    private var imageSize: Int { sizes.height * sizes.width }
    /// Numbers of a filter of one block.
    private var filterSize: Int { kernel * vectors * lanes }
    private var blockSize: Int { sizes.outputs * filterSize }
    private var channelsPerBlock: Int { sizes.inputs <= 4 ? sizes.inputs : pixel }

    private var kernelSizes: KernelsPooledGradient {
        KernelsPooledGradient(
            kernel: Int64(kernel), pixel: Int64(pixel), pitch: Int64(pitch), vectors: Int64(vectors),
            rows: Int64(sizes.outputHeight / 2), width: Int64(sizes.outputWidth / 2), outputs: Int64(sizes.outputs))
    }

    private func channels(of block: Int) -> Range<Int> {
        block * channelsPerBlock..<min((block + 1) * channelsPerBlock, sizes.inputs)
    }

    /// The gradients that are asked for, from that of the pooled result.
    func backward(_ x: Tensor?, _ weight: Tensor?, _ dy: Tensor, data: Bool, weights: Bool) -> ConvolutionBackend.Ways {
        let gradient = dy.floats
        let dx = data ? Tensor(uninitialized: sizes.inputShape) : nil
        let filters = data ? packedFilters(weight!) : nil
        let groups = (sizes.batch + 15) / 16
        let stride = blocks * blockSize + sizes.outputs
        let sums = weights ? Buffer(byteCount: groups * stride * 4) : nil
        let source = x?.floats
        // One tile for the weights of each 16 images, then those of the data of 4 images each.
        let weightTiles = weights ? groups : 0
        parallel(weightTiles + (data ? (sizes.batch + 3) / 4 : 0)) { tile in
            if tile < weightTiles {
                sumWeightGradient(source!, gradient, tile, sums!.pointer(Float.self) + tile * stride)
            } else {
                let first = (tile - weightTiles) * 4
                for image in first..<min(first + 4, sizes.batch) {
                    computeDataGradient(gradient, filters!.pointer(Float.self), image, dx!.floats)
                }
            }
        }
        guard let sums else { return (dx, nil, nil) }
        let total = Buffer(byteCount: stride * 4)
        let (parts, to) = (sums.pointer(Float.self), total.pointer(Float.self))
        parallel(stride, grain: 8192) {
            kernels_table().pointee.sumParts(
                parts + $0.lowerBound, Int64(groups), Int64(stride), Int64($0.count), to + $0.lowerBound)
        }
        let bias = Tensor(uninitialized: [sizes.outputs])
        bias.floats.update(from: to + blocks * blockSize, count: sizes.outputs)
        return (dx, unpackedFilters(to), bias)
    }

    /// Sums over the images of a group: `[blocks][outputs]` filters, and behind them the outputs' own.
    private func sumWeightGradient(
        _ source: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ group: Int,
        _ target: UnsafeMutablePointer<Float>
    ) {
        var c = kernelSizes
        target.update(repeating: 0, count: blocks * blockSize + sizes.outputs)
        let places = UnsafeMutableRawPointer(kernels_scratch(1, sizes.outputs * squares * 16))
            .assumingMemoryBound(to: Int32.self)
        kernels_table().pointee.pooledPositions(
            &c, which.pointer() + group * sizes.outputs * squares * 16, kernels_scratch(2, squares * 16), places)
        // The outputs' own sums of every block but the first, which nobody wants.
        let again = kernels_scratch(3, sizes.outputs)
        for image in group * 16..<min(group * 16 + 16, sizes.batch) {
            for block in 0..<blocks {
                kernels_table().pointee.pooledWeightGradient(
                    &c, packedInput(source, image, block), gradient + image * sizes.outputs * squares,
                    places + (image - group * 16) * squares, target + block * blockSize,
                    block == 0 ? target + blocks * blockSize : again)
            }
        }
    }

    private func computeDataGradient(
        _ gradient: UnsafePointer<Float>, _ filters: UnsafePointer<Float>, _ image: Int,
        _ target: UnsafeMutablePointer<Float>
    ) {
        var c = kernelSizes
        let (group, lane) = image.quotientAndRemainder(dividingBy: 16)
        let dx = kernels_scratch(0, rows * pitch + 16)
        let squaresAtATime = max(Int(KERNELS_POOLED_SQUARES), sizes.outputWidth / 2)
        let work = kernels_scratch(1, squaresAtATime * (4 + 8 * sizes.outputs))
        for block in 0..<blocks {
            dx.update(repeating: 0, count: rows * pitch)
            kernels_table().pointee.pooledDataGradient(
                &c, gradient + image * sizes.outputs * squares,
                which.pointer() + group * sizes.outputs * squares * 16 + lane, filters + block * blockSize, work, dx)
            let channels = channels(of: block)
            let to = target + (image * sizes.inputs + channels.lowerBound) * imageSize
            forEachRun { padded, plain, count in
                kernels_table().pointee.transpose(
                    dx + padded, Int64(count), Int64(channels.count), Int64(pixel), to + plain, Int64(imageSize))
            }
        }
    }

    // MARK: - Packing

    /// The pixels that lie behind each other with and without the padding: where they begin, in numbers and in pixels.
    private func forEachRun(_ body: (_ padded: Int, _ plain: Int, _ count: Int) -> Void) {
        if sizes.padding.width == 0 { return body(sizes.padding.height * pitch, 0, imageSize) }
        for row in 0..<sizes.height {
            body((row + sizes.padding.height) * pitch + sizes.padding.width * pixel, row * sizes.width, sizes.width)
        }
    }

    /// The channels of a block of one image side by side, `[padded rows][columns][pixel]`, in scratch memory 0. What fills
    /// a pixel up is never used.
    private func packedInput(
        _ source: UnsafePointer<Float>, _ image: Int, _ block: Int
    ) -> UnsafeMutablePointer<Float> {
        let packed = kernels_scratch(0, rows * pitch + 16)
        let channels = channels(of: block)
        let from = source + (image * sizes.inputs + channels.lowerBound) * imageSize
        if sizes.padding.width > 0 || sizes.padding.height > 0 { packed.update(repeating: 0, count: rows * pitch) }
        forEachRun { padded, plain, count in
            kernels_table().pointee.transpose(
                from + plain, Int64(channels.count), Int64(count), Int64(imageSize), packed + padded, Int64(pixel))
        }
        return packed
    }

    /// `[blocks][outputs][kernel][vectors]`
    private func packedFilters(_ weight: Tensor) -> Buffer {
        let buffer = Buffer(byteCount: blocks * blockSize * 4)
        let (from, to) = (weight.floats, buffer.pointer(Float.self))
        to.update(repeating: 0, count: blocks * blockSize)
        forEachFilterRow { block, channels, output, row in
            kernels_table().pointee.transpose(
                from + ((output * sizes.inputs + channels.lowerBound) * kernel + row) * kernel, Int64(channels.count),
                Int64(kernel), Int64(kernel * kernel),
                to + block * blockSize + output * filterSize + row * vectors * lanes, Int64(pixel))
        }
        return buffer
    }

    private func unpackedFilters(_ packed: UnsafePointer<Float>) -> Tensor {
        let result = Tensor(uninitialized: sizes.weightShape)
        let to = result.floats
        forEachFilterRow { block, channels, output, row in
            kernels_table().pointee.transpose(
                packed + block * blockSize + output * filterSize + row * vectors * lanes, Int64(kernel),
                Int64(channels.count), Int64(pixel),
                to + ((output * sizes.inputs + channels.lowerBound) * kernel + row) * kernel, Int64(kernel * kernel))
        }
        return result
    }

    private func forEachFilterRow(
        _ body: (_ block: Int, _ channels: Range<Int>, _ output: Int, _ row: Int) -> Void
    ) {
        for block in 0..<blocks {
            let channels = channels(of: block)
            parallel(sizes.outputs, grain: max(1, 8192 / filterSize)) { outputs in
                for output in outputs { for row in 0..<kernel { body(block, channels, output, row) } }
            }
        }
    }
}
