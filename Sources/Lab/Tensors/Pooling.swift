/// Where a pooling window lies.
struct PoolingSizes {
    let input: Shape
    let window: Int
    let stride: Int
    let padding: Int
    let height: Int
    let width: Int
    var output: Shape { [input[0], input[1], height, width] }

    init(_ operation: String, _ input: Shape, _ window: Int, _ stride: Int?, _ padding: Int) {
        let stride = stride ?? window
        guard input.rank == 4 else {
            fail("\(operation): images have the axes [batch, channels, height, width], not \(input)")
        }
        guard window >= 1, stride >= 1, padding >= 0, 2 * padding <= window else {
            fail("\(operation): window \(window), stride \(stride) and padding \(padding) do not fit together")
        }
        guard input[2] + 2 * padding >= window, input[3] + 2 * padding >= window else {
            fail("\(operation): a window of \(window)x\(window) does not fit into \(input)")
        }
        self.input = input
        self.window = window
        self.stride = stride
        self.padding = padding
        height = (input[2] + 2 * padding - window) / stride + 1
        width = (input[3] + 2 * padding - window) / stride + 1
    }

    /// The rows (or columns) of the input under an output row (or column).
    @inline(__always)
    func span(_ position: Int, _ size: Int) -> Range<Int> {
        let start = position * stride - padding
        return max(start, 0)..<min(start + window, size)
    }
}

/// The largest of each `window` x `window` square: `[batch, channels, height, width]` shrinks by `stride`, which is the
/// window unless given. Of equal elements the first gets the gradient.
public func maxPool(_ x: Tensor, _ window: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    let sizes = PoolingSizes("maxPool", x.shape, window, stride, padding)
    if x.isShapeOnly { return Tensor(shapeOnly: sizes.output, x.dtype) }
    if window == 2, sizes.stride == 2, padding == 0, let fused = x.handle.pending as? PendingConvolution,
        let result = fused.pooled(x)
    {
        return result
    }
    let source = x.floating
    let result = Tensor(uninitialized: sizes.output, source.dtype)
    let positions = Buffer(byteCount: sizes.output.elementCount * 4)
    if source.dtype == .float64 {
        pickLargest(source.pointer(Double.self), result.pointer(Double.self), positions.pointer(), sizes)
    } else {
        pickLargest(source.floats, result.floats, positions.pointer(), sizes)
    }
    return result.recorded(x) { placed($0, positions, sizes) }
}

private func pickLargest<Scalar: BinaryFloatingPoint>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ positions: UnsafeMutablePointer<Int32>,
    _ sizes: PoolingSizes
) {
    let (height, width) = (sizes.input[2], sizes.input[3])
    let plane = sizes.height * sizes.width
    parallel(sizes.input[0] * sizes.input[1], grain: max(1, 8192 / max(plane * sizes.window * sizes.window, 1))) {
        planes in
        for number in planes {
            let from = source + number * height * width
            for row in 0..<sizes.height {
                let rows = sizes.span(row, height)
                for column in 0..<sizes.width {
                    let columns = sizes.span(column, width)
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
    let result = Tensor.zeros(sizes.input, dtype: gradient.dtype)
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

/// The mean of each `window` x `window` square. Padding counts as zeros, as in Caffe and PyTorch.
public func averagePool(_ x: Tensor, _ window: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    let sizes = PoolingSizes("averagePool", x.shape, window, stride, padding)
    return averaged(x.floating, sizes)
}

private func averaged(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
    if x.isShapeOnly { return Tensor(shapeOnly: sizes.output, x.dtype) }
    let result = Tensor.zeros(sizes.output, dtype: x.dtype)
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
    let result = Tensor.zeros(sizes.input, dtype: gradient.dtype)
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
    let share = 1 / Double(sizes.window * sizes.window)
    parallel(sizes.input[0] * sizes.input[1], grain: max(1, 8192 / max(height * width, 1))) { planes in
        for number in planes {
            for row in 0..<sizes.height {
                for column in 0..<sizes.width {
                    for y in sizes.span(row, height) {
                        for x in sizes.span(column, width) {
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
