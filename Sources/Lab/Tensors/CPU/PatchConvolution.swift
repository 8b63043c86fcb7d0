internal import CKernels

/// Convolutions of any size as products of matrices: the patches that the filter sees become columns ("im2col"). An
/// image, or a band of its rows, at a time, so that the columns stay in the cache.
struct PatchConvolution: ConvolutionWay {
    let sizes: ConvolutionSizes
    private let rowsPerBand: Int
    private let isPointwise: Bool

    init(_ sizes: ConvolutionSizes) {
        self.sizes = sizes
        isPointwise =
            sizes.kernelHeight == 1 && sizes.kernelWidth == 1 && sizes.stride == .one && sizes.padding == .zero
        // 1 MB of columns.
        rowsPerBand =
            isPointwise
            ? sizes.outputHeight
            : min(max(262_144 / max(sizes.patch * sizes.outputWidth, 1), 1), max(sizes.outputHeight, 1))
    }

    private var bands: Int { (sizes.outputHeight + rowsPerBand - 1) / rowsPerBand }

    func forward(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, rectify: Bool) -> Tensor {
        let result = Tensor(uninitialized: sizes.outputShape)
        guard sizes.outputShape.elementCount > 0 else { return result }
        let (source, filters, target) = (x.floats, weight.floats, result.floats)
        let offsets = bias?.converted(to: .float32)
        let (plane, bands) = (sizes.outputHeight * sizes.outputWidth, bands)
        parallel(sizes.batch * sizes.groups * bands) { tile in
            let (rest, band) = tile.quotientAndRemainder(dividingBy: bands)
            let (image, group) = rest.quotientAndRemainder(dividingBy: sizes.groups)
            let rows = band * rowsPerBand..<min((band + 1) * rowsPerBand, sizes.outputHeight)
            let count = rows.count * sizes.outputWidth
            let (patches, stride) = columns(of: source, image, group, rows)
            let outputs = sizes.outputsPerGroup
            let to = target + (image * sizes.outputs + group * outputs) * plane + rows.lowerBound * sizes.outputWidth
            MatrixProduct(
                rows: outputs, columns: count, inner: sizes.patch, left: filters + group * outputs * sizes.patch,
                leftStride: sizes.patch, transposeLeft: false, right: patches, rightStride: stride,
                transposeRight: false, result: to, resultStride: plane,
                rowBias: offsets.map { $0.floats + group * outputs }
            ).run()
            if rectify {
                for output in 0..<outputs {
                    let line = to + output * plane
                    for i in 0..<count { line[i] = line[i] < 0 ? 0 : line[i] }
                }
            }
        }
        return result
    }

    func dataGradient(_ dy: Tensor, _ weight: Tensor) -> Tensor {
        let result = isPointwise ? Tensor(uninitialized: sizes.inputShape) : Tensor.zeros(sizes.inputShape, on: nil)
        let (source, filters, target) = (dy.floats, weight.floats, result.floats)
        let plane = sizes.outputHeight * sizes.outputWidth
        let outputs = sizes.outputsPerGroup
        let (table, stride) = (kernels_table(), Int64(sizes.stride.width))
        parallel(sizes.batch * sizes.groups) { tile in
            let (image, group) = tile.quotientAndRemainder(dividingBy: sizes.groups)
            for band in 0..<bands {
                let rows = band * rowsPerBand..<min((band + 1) * rowsPerBand, sizes.outputHeight)
                let count = rows.count * sizes.outputWidth
                let start = target + (image * sizes.inputs + group * sizes.inputsPerGroup) * sizes.height * sizes.width
                let patches = isPointwise ? start : kernels_scratch(0, sizes.patch * count)
                MatrixProduct(
                    rows: sizes.patch, columns: count, inner: outputs, left: filters + group * outputs * sizes.patch,
                    leftStride: sizes.patch, transposeLeft: true,
                    right: source + (image * sizes.outputs + group * outputs) * plane + rows.lowerBound
                        * sizes.outputWidth,
                    rightStride: plane, transposeRight: false, result: patches, resultStride: count
                ).run()
                if !isPointwise {
                    visitRuns(rows) { channel, y, x, patch, count in
                        table.pointee.addEvery(
                            patches + patch, stride, Int64(count),
                            start + (channel * sizes.height + y) * sizes.width + x)
                    }
                }
            }
        }
        return result
    }

    func weightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
        let result = Tensor(uninitialized: sizes.weightShape)
        let count = sizes.weightShape.elementCount
        // The images in at most 8 parts, each with a sum of its own, added in order.
        let imagesPerPart = max((sizes.batch + 7) / 8, 1)
        let parts = (sizes.batch + imagesPerPart - 1) / imagesPerPart
        guard parts > 0 else { return Tensor.zeros(sizes.weightShape, on: nil) }
        let sums = Buffer(byteCount: parts * count * 4)
        let (source, gradient, totals) = (x.floats, dy.floats, sums.pointer(Float.self))
        let plane = sizes.outputHeight * sizes.outputWidth
        let outputs = sizes.outputsPerGroup
        parallel(parts * sizes.groups) { tile in
            let (part, group) = tile.quotientAndRemainder(dividingBy: sizes.groups)
            let to = totals + part * count + group * outputs * sizes.patch
            var isFirst = true
            for image in part * imagesPerPart..<min((part + 1) * imagesPerPart, sizes.batch) {
                for band in 0..<bands {
                    let rows = band * rowsPerBand..<min((band + 1) * rowsPerBand, sizes.outputHeight)
                    let (patches, stride) = columns(of: source, image, group, rows)
                    MatrixProduct(
                        rows: outputs, columns: sizes.patch, inner: rows.count * sizes.outputWidth,
                        left: gradient + (image * sizes.outputs + group * outputs) * plane
                            + rows.lowerBound * sizes.outputWidth,
                        leftStride: plane, transposeLeft: false, right: patches, rightStride: stride,
                        transposeRight: true, result: to, resultStride: sizes.patch, accumulates: !isFirst
                    ).run()
                    isFirst = false
                }
            }
        }
        let target = result.floats
        parallel(count, grain: 8192) {
            kernels_table().pointee.sumParts(
                totals + $0.lowerBound, Int64(parts), Int64(count), Int64($0.count), target + $0.lowerBound)
        }
        return result
    }

    /// The patches under a band of output rows as columns `[patch, rows · width]`, and the distance of their rows.
    private func columns(
        of source: UnsafePointer<Float>, _ image: Int, _ group: Int, _ rows: Range<Int>
    ) -> (UnsafePointer<Float>, Int) {
        let start = source + (image * sizes.inputs + group * sizes.inputsPerGroup) * sizes.height * sizes.width
        if isPointwise { return (start, sizes.height * sizes.width) }
        let count = rows.count * sizes.outputWidth
        let patches = kernels_scratch(0, sizes.patch * count)
        if sizes.padding != .zero { patches.update(repeating: 0, count: sizes.patch * count) }
        let (table, stride) = (kernels_table(), Int64(sizes.stride.width))
        visitRuns(rows) { channel, y, x, patch, count in
            table.pointee.takeEvery(
                start + (channel * sizes.height + y) * sizes.width + x, stride, Int64(count), patches + patch)
        }
        return (UnsafePointer(patches), count)
    }

    /// Each run of `count` neighbouring outputs that take one weight from inside the image: where the run begins in the
    /// image and in the columns.
    @inline(__always)
    private func visitRuns(
        _ rows: Range<Int>, _ run: (_ channel: Int, _ y: Int, _ x: Int, _ patch: Int, _ count: Int) -> Void
    ) {
        let width = sizes.outputWidth
        for channel in 0..<sizes.inputsPerGroup {
            for kh in 0..<sizes.kernelHeight {
                for kw in 0..<sizes.kernelWidth {
                    let patch = ((channel * sizes.kernelHeight + kh) * sizes.kernelWidth + kw) * rows.count * width
                    let shift = kw * sizes.dilation.width - sizes.padding.width
                    // The first and the last output column whose input lies inside the image.
                    let first = shift >= 0 ? 0 : (-shift + sizes.stride.width - 1) / sizes.stride.width
                    let room = sizes.width - 1 - shift
                    let last = room < 0 ? -1 : min(room / sizes.stride.width, width - 1)
                    guard first <= last else { continue }
                    for row in rows {
                        let y = row * sizes.stride.height - sizes.padding.height + kh * sizes.dilation.height
                        guard y >= 0, y < sizes.height else { continue }
                        run(
                            channel, y, first * sizes.stride.width + shift,
                            patch + (row - rows.lowerBound) * width + first, last - first + 1)
                    }
                }
            }
        }
    }
}
