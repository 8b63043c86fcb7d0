internal import CKernels

/// Where a pooling window lies.
struct PoolingSizes {
    let input: Shape
    let window: HeightAndWidth
    let stride: HeightAndWidth
    let padding: HeightAndWidth
    /// The rows of the input under each output row, and the columns under each output column.
    let rows: [Range<Int>]
    let columns: [Range<Int>]
    var height: Int { rows.count }
    var width: Int { columns.count }
    var output: Shape { [input[0], input[1], height, width] }

    init(
        _ operation: String, _ input: Shape, _ window: any InBothDirections, _ stride: (any InBothDirections)?,
        _ padding: any InBothDirections
    ) {
        let (window, padding) = (window.heightAndWidth, padding.heightAndWidth)
        let stride = stride?.heightAndWidth ?? window
        checkImages(operation, input)
        guard window.smallest >= 1, stride.smallest >= 1, padding.smallest >= 0, 2 * padding.height <= window.height,
            2 * padding.width <= window.width
        else {
            fail(
                "\(operation): window \(window), stride \(stride) and padding \(padding) do not fit together; at most half of a window may be padding"
            )
        }
        guard input[2] > 0, input[3] > 0, input[2] + 2 * padding.height >= window.height,
            input[3] + 2 * padding.width >= window.width
        else { fail("\(operation): a window of \(window.height)x\(window.width) does not fit into \(input)") }
        self.input = input
        self.window = window
        self.stride = stride
        self.padding = padding
        func spans(_ size: Int, _ window: Int, _ stride: Int, _ padding: Int) -> [Range<Int>] {
            (0...(size + 2 * padding - window) / stride).map {
                let start = $0 * stride - padding
                return max(start, 0)..<min(start + window, size)
            }
        }
        rows = spans(input[2], window.height, stride.height, padding.height)
        columns = spans(input[3], window.width, stride.width, padding.width)
    }

    /// As many windows as the result has pixels, whatever the size of the images.
    init(adaptive operation: String, _ input: Shape, height: Int, width: Int) {
        checkImages(operation, input)
        guard height > 0, width > 0, input[2] > 0, input[3] > 0 else {
            fail("\(operation): \(input) cannot be divided into \(height)x\(width) windows")
        }
        self.input = input
        rows = adaptiveSpans(input[2], height)
        columns = adaptiveSpans(input[3], width)
        (window, stride, padding) = (
            HeightAndWidth(height: rows[0].count, width: columns[0].count), .zero, .zero
        )
    }

    /// What the vector kernel has to know; `nil` where windows differ in size.
    var kernel: KernelsPooling? {
        guard stride != .zero else { return nil }
        return KernelsPooling(
            rows: Int64(height), width: Int64(width), windowRows: Int64(window.height),
            windowColumns: Int64(window.width), rowStride: Int64(stride.height), columnStride: Int64(stride.width),
            top: Int64(padding.height), left: Int64(padding.width), inputWidth: Int64(input[3]))
    }

    /// 2x2 windows side by side, which convolutions join.
    var isHalving: Bool {
        let two = HeightAndWidth(height: 2, width: 2)
        return window == two && stride == two && padding == .zero
    }
}

/// Window i of `count` goes from ⌊i · size / count⌋ up to ⌈(i + 1) · size / count⌉, as in PyTorch.
func adaptiveSpans(_ size: Int, _ count: Int) -> [Range<Int>] {
    (0..<count).map { $0 * size / count..<(($0 + 1) * size + count - 1) / count }
}

func checkImages(_ operation: String, _ shape: Shape) {
    guard shape.rank == 4 else {
        fail("\(operation): images have the axes [batch, channels, height, width], not \(shape)")
    }
}

/// The largest of each window of pixels: `[batch, channels, height, width]` shrinks by `stride`, which is the window
/// unless given. A number stands for a square, an array has the height first. Of equal elements the first gets the
/// gradient; NaN counts as the largest.
public func maxPool(
    _ x: Tensor, _ window: any InBothDirections, stride: (any InBothDirections)? = nil,
    padding: any InBothDirections = 0
) -> Tensor {
    let sizes = PoolingSizes("maxPool", x.shape, window, stride, padding)
    return traced("maxPool") { pooled(x, sizes) }
}

private func pooled(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
    if sizes.isHalving, !x.isShapeOnly {
        if let result = x.handle.pending?.pooled() { return result }
        if x.dtype == .float32, !x.isTwiceTracked, !x.isOnGPU { return pooledBySquares(x, sizes) }
    }
    return largest(x, sizes)
}

/// The largest pixels of as many windows as the result has pixels, whatever the size of the images: the windows of
/// `adaptiveAveragePool`.
public func adaptiveMaxPool(_ x: Tensor, height: Int, width: Int) -> Tensor {
    traced("adaptiveMaxPool") {
        largest(x, PoolingSizes(adaptive: "adaptiveMaxPool", x.shape, height: height, width: width))
    }
}

private func largest(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
    let source = x.floating
    if x.isShapeOnly { return Tensor(shapeOnly: sizes.output, source.dtype) }
    if source.isOnGPU {
        let (result, positions) = PoolingKernels.largest(source, sizes)
        return result.recorded(x) { placed($0, positions, sizes) }
    }
    let result = Tensor(uninitialized: sizes.output, source.dtype)
    let positions = Buffer(byteCount: sizes.output.elementCount * 4)
    if source.dtype == .float64 {
        pickLargest(source.pointer(Double.self), result.pointer(Double.self), positions.pointer(), sizes)
    } else {
        pickLargestQuickly(source.floats, result.floats, positions.pointer(), sizes)
    }
    return result.recorded(x) { placed($0, positions, sizes) }
}

/// 2x2 squares, several at a time.
private func pooledBySquares(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
    let result = Tensor(uninitialized: sizes.output)
    let which = Buffer(byteCount: sizes.output.elementCount)
    let (height, width) = (sizes.input[2], sizes.input[3])
    let (size, plane) = (height * width, sizes.height * sizes.width)
    let (planes, perTile) = (sizes.input[0] * sizes.input[1], max(1, 16384 / max(size, 1)))
    let tiles = (planes + perTile - 1) / perTile
    let (from, to, indices) = (x.floats, result.floats, which.pointer(UInt8.self))
    parallel(tiles) { tile in
        for number in tile * perTile..<min((tile + 1) * perTile, planes) {
            kernels_table().pointee.maxPool(
                from + number * size, Int64(height), Int64(width), to + number * plane, indices + number * plane)
        }
    }
    return result.recorded(x) { gradient in
        let back = Tensor(uninitialized: sizes.input)
        let slope = gradient.converted(to: .float32)
        let (g, dx, indices) = (slope.floats, back.floats, which.pointer(UInt8.self))
        parallel(tiles) { tile in
            for number in tile * perTile..<min((tile + 1) * perTile, planes) {
                kernels_table().pointee.maxPoolBack(
                    g + number * plane, indices + number * plane, Int64(height), Int64(width), dx + number * size)
            }
        }
        return back
    }
}

/// Several windows at a time, from planes with -infinity around them.
private func pickLargestQuickly(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ positions: UnsafeMutablePointer<Int32>,
    _ sizes: PoolingSizes
) {
    guard let kernel = sizes.kernel else { return pickLargest(source, target, positions, sizes) }
    let (height, width) = (sizes.input[2], sizes.input[3])
    let plane = sizes.height * sizes.width
    let (top, left) = (Int(kernel.top), Int(kernel.left))
    let pitch = max(
        ((sizes.width + 15) / 16 * 16 - 1) * Int(kernel.columnStride) + sizes.window.width, left + width)
    let rows = max((sizes.height - 1) * Int(kernel.rowStride) + sizes.window.height, top + height)
    let work = plane * sizes.window.height * sizes.window.width
    parallel(sizes.input[0] * sizes.input[1], grain: max(1, 16384 / max(work, 1))) { planes in
        let padded = kernels_scratch(0, rows * pitch)
        padded.update(repeating: -.infinity, count: rows * pitch)
        for number in planes {
            for row in 0..<height {
                (padded + (top + row) * pitch + left).update(
                    from: source + (number * height + row) * width, count: width)
            }
            withUnsafePointer(to: kernel) {
                kernels_table().pointee.maxPoolWindows(
                    $0, padded, Int64(pitch), target + number * plane, positions + number * plane)
            }
        }
    }
}

private func pickLargest<Scalar: BinaryFloatingPoint>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ positions: UnsafeMutablePointer<Int32>,
    _ sizes: PoolingSizes
) {
    let (height, width) = (sizes.input[2], sizes.input[3])
    let plane = sizes.height * sizes.width
    let work = plane * sizes.window.height * sizes.window.width
    parallel(sizes.input[0] * sizes.input[1], grain: max(1, 8192 / max(work, 1))) { planes in
        for number in planes {
            let from = source + number * height * width
            for row in 0..<sizes.height {
                let rows = sizes.rows[row]
                for column in 0..<sizes.width {
                    let columns = sizes.columns[column]
                    var best = rows.lowerBound * width + columns.lowerBound
                    var largest = from[best]
                    var y = rows.lowerBound
                    while y < rows.upperBound {
                        var x = columns.lowerBound
                        while x < columns.upperBound {
                            let value = from[y * width + x]
                            // NaN is kept, so that it is noticed.
                            if value > largest || value.isNaN {
                                largest = value
                                best = y * width + x
                            }
                            x += 1
                        }
                        y += 1
                    }
                    target[number * plane + row * sizes.width + column] = largest
                    positions[number * plane + row * sizes.width + column] = Int32(best)
                }
            }
        }
    }
}

/// The gradient of maximum pooling: each element goes to where its maximum was.
private func placed(_ gradient: Tensor, _ positions: Buffer, _ sizes: PoolingSizes) -> Tensor {
    if positions.gpu != nil {
        return PoolingKernels.placed(gradient, positions, sizes).recorded(gradient) { taken($0, positions, sizes) }
    }
    let result = Tensor.zeros(sizes.input, dtype: gradient.dtype, on: nil)
    let (plane, size) = (sizes.height * sizes.width, sizes.input[2] * sizes.input[3])
    let at = positions.pointer(Int32.self)
    func place<Scalar: FloatingPoint>(_ from: UnsafePointer<Scalar>, _ to: UnsafeMutablePointer<Scalar>) {
        parallel(sizes.input[0] * sizes.input[1], grain: max(1, 8192 / max(plane, 1))) { planes in
            for number in planes {
                for i in number * plane..<(number + 1) * plane { to[number * size + Int(at[i])] += from[i] }
            }
        }
    }
    if gradient.dtype == .float64 {
        place(gradient.pointer(Double.self), result.pointer(Double.self))
    } else {
        place(gradient.floats, result.floats)
    }
    return result.recorded(gradient) { taken($0, positions, sizes) }
}

/// The elements at the positions of the maxima.
private func taken(_ x: Tensor, _ positions: Buffer, _ sizes: PoolingSizes) -> Tensor {
    if positions.gpu != nil {
        return PoolingKernels.taken(x, positions, sizes).recorded(x) { placed($0, positions, sizes) }
    }
    let result = Tensor(uninitialized: sizes.output, x.dtype)
    let (plane, size) = (sizes.height * sizes.width, sizes.input[2] * sizes.input[3])
    let at = positions.pointer(Int32.self)
    for i in 0..<sizes.output.elementCount {
        let from = i / plane * size + Int(at[i])
        if x.dtype == .float64 {
            result.pointer(Double.self)[i] = x.pointer(Double.self)[from]
        } else {
            result.floats[i] = x.floats[from]
        }
    }
    return result.recorded(x) { placed($0, positions, sizes) }
}

/// The mean of each window of pixels, sizes as for `maxPool`. Padding counts as zeros, as in Caffe and PyTorch.
public func averagePool(
    _ x: Tensor, _ window: any InBothDirections, stride: (any InBothDirections)? = nil,
    padding: any InBothDirections = 0
) -> Tensor {
    let sizes = PoolingSizes("averagePool", x.shape, window, stride, padding)
    return traced("averagePool") { averaged(x.floating, sizes) }
}

private func averaged(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
    if x.isShapeOnly { return Tensor(shapeOnly: sizes.output, x.dtype) }
    if x.isOnGPU { return PoolingKernels.averaged(x, sizes).recorded(x) { spreadEvenly($0, sizes) } }
    let result = Tensor.zeros(sizes.output, dtype: x.dtype, on: nil)
    if x.dtype == .float64 {
        let (from, to) = (x.pointer(Double.self), result.pointer(Double.self))
        visitWindows(sizes) { to[$0] += from[$1] * $2 }
    } else {
        let (from, to) = (x.floats, result.floats)
        visitWindows(sizes) { to[$0] += from[$1] * Float($2) }
    }
    return result.recorded(x) { spreadEvenly($0, sizes) }
}

private func spreadEvenly(_ gradient: Tensor, _ sizes: PoolingSizes) -> Tensor {
    if gradient.isOnGPU {
        return PoolingKernels.spreadEvenly(gradient, sizes).recorded(gradient) { averaged($0, sizes) }
    }
    let result = Tensor.zeros(sizes.input, dtype: gradient.dtype, on: nil)
    if gradient.dtype == .float64 {
        let (from, to) = (gradient.pointer(Double.self), result.pointer(Double.self))
        visitWindows(sizes) { to[$1] += from[$0] * $2 }
    } else {
        let (from, to) = (gradient.floats, result.floats)
        visitWindows(sizes) { to[$1] += from[$0] * Float($2) }
    }
    return result.recorded(gradient) { averaged($0, sizes) }
}

/// Each output, each input under it, and the input's share.
@inline(__always)
private func visitWindows(_ sizes: PoolingSizes, _ body: (_ output: Int, _ input: Int, _ share: Double) -> Void) {
    let (height, width) = (sizes.input[2], sizes.input[3])
    let share = 1 / Double(sizes.window.height * sizes.window.width)
    parallel(sizes.input[0] * sizes.input[1], grain: max(1, 8192 / max(height * width, 1))) { planes in
        for number in planes {
            for row in 0..<sizes.height {
                for column in 0..<sizes.width {
                    for y in sizes.rows[row] {
                        for x in sizes.columns[column] {
                            body(
                                (number * sizes.height + row) * sizes.width + column, (number * height + y) * width + x,
                                share)
                        }
                    }
                }
            }
        }
    }
}
