extension Tensor {
    /// With `before` and `after` elements of a value put at the ends of an axis.
    public func padded(axis: Int, before: Int, after: Int, value: Double = 0) -> Tensor {
        let axis = self.axis(axis, "padded")
        guard before >= 0, after >= 0 else { fail("padded: \(before) and \(after) cannot be put at the ends") }
        func block(_ size: Int) -> [Tensor] {
            let shape = shape.replacing(axis: axis, with: size)
            return size == 0 ? [] : [isShapeOnly ? Tensor(shapeOnly: shape, dtype) : .full(shape, value, dtype: dtype)]
        }
        return concatenated(block(before) + [self] + block(after), axis: axis)
    }

    /// Equal parts along an axis.
    public func split(into count: Int, axis: Int = 0) -> [Tensor] {
        let axis = self.axis(axis, "split")
        guard count > 0, shape[axis] % count == 0 else {
            fail("split: axis \(axis) of \(shape) does not come apart into \(count) equal parts")
        }
        let size = shape[axis] / count
        return (0..<count).map { sliced(axis: axis, $0 * size..<($0 + 1) * size) }
    }

    /// Parts of the given sizes along an axis.
    public func split(sizes: [Int], axis: Int = 0) -> [Tensor] {
        let axis = self.axis(axis, "split")
        guard sizes.reduce(0, +) == shape[axis], sizes.allSatisfy({ $0 >= 0 }) else {
            fail("split: parts of \(sizes) do not make up axis \(axis) of \(shape)")
        }
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return sliced(axis: axis, start..<start + size)
        }
    }

    /// The tensor several times along an axis, each element beside its copies: upsampling by repetition.
    public func repeated(_ count: Int, axis: Int) -> Tensor {
        let axis = self.axis(axis, "repeated")
        guard count >= 0 else { fail("repeated: \(count) times is not possible") }
        return gathered((0..<shape[axis]).flatMap { [Int](repeating: $0, count: count) }, axis: axis)
    }

    /// The elements in reverse order along an axis.
    public func reversed(axis: Int) -> Tensor {
        let axis = self.axis(axis, "reversed")
        return gathered(Array((0..<shape[axis]).reversed()), axis: axis)
    }

    /// The elements where a `bool` tensor of the same shape is true, as a vector.
    public subscript(mask: Tensor) -> Tensor {
        guard mask.shape == shape, mask.dtype == .bool else {
            fail(
                "subscript: a mask of \(mask.shape) \(mask.dtype) does not fit \(shape); expected bool of the same shape"
            )
        }
        let positions = mask.bytes.enumerated().compactMap { $0.element == 0 ? nil : $0.offset }
        return reshaped(-1).gathered(positions)
    }

    /// The sums up to each element along an axis.
    public func cumulativeSum(axis: Int) -> Tensor {
        let axis = self.axis(axis, "cumulativeSum")
        if isShapeOnly { return self }
        let x = floating
        let result = Tensor(uninitialized: shape, x.dtype)
        let (size, inner) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
        func run<Scalar: FloatingPoint>(_ from: UnsafePointer<Scalar>, _ to: UnsafeMutablePointer<Scalar>) {
            for row in 0..<x.elementCount / max(size, 1) {
                let base = row / inner * size * inner + row % inner
                var sum: Scalar = 0
                for i in 0..<size {
                    sum += from[base + i * inner]
                    to[base + i * inner] = sum
                }
            }
        }
        if x.dtype == .float64 {
            run(x.pointer(Double.self), result.pointer(Double.self))
        } else {
            run(x.floats, result.floats)
        }
        return result.recorded(x) { $0.reversed(axis: axis).cumulativeSum(axis: axis).reversed(axis: axis) }
    }

    /// The positions of the elements along the last axis from the smallest to the largest, equal ones in their order:
    /// `int32`.
    public func argsort(descending: Bool = false) -> Tensor {
        if isShapeOnly { return Tensor(shapeOnly: shape, .int32) }
        let (values, size) = (doubles, shape.last ?? 1)
        var positions: [Int32] = []
        positions.reserveCapacity(elementCount)
        for start in stride(from: 0, to: elementCount, by: max(size, 1)) {
            positions += (0..<Int32(size)).sorted { a, b in
                let (left, right) = (values[start + Int(a)], values[start + Int(b)])
                return left == right ? a < b : descending ? left > right : left < right
            }
        }
        return Tensor(positions, shape: shape)
    }

    /// The elements along the last axis from the smallest to the largest.
    public func sorted(descending: Bool = false) -> Tensor { chosen(alongLastAxis: argsort(descending: descending)) }

    /// The largest elements along the last axis, the largest first, and their positions.
    public func topK(_ count: Int) -> (values: Tensor, positions: Tensor) {
        guard rank > 0, count >= 0, count <= shape[rank - 1] else {
            fail("topK: \(shape) has no \(count) elements in a row")
        }
        let positions = argsort(descending: true).sliced(axis: -1, 0..<count)
        return (chosen(alongLastAxis: positions), positions)
    }

    /// For each row along the last axis the elements at that row's positions.
    public func chosen(alongLastAxis positions: Tensor) -> Tensor {
        guard rank > 0, positions.rank == rank, positions.shape.dropLast() == shape.dropLast() else {
            fail("chosen: positions of \(positions.shape) do not fit \(shape)")
        }
        if isShapeOnly || positions.isShapeOnly { return Tensor(shapeOnly: positions.shape, dtype) }
        let (size, count) = (shape[rank - 1], positions.shape[rank - 1])
        let places = positions.int32s.enumerated().map { index, place -> Int in
            guard place >= 0, Int(place) < size else { fail("chosen: \(place) is not a position in rows of \(size)") }
            return index / max(count, 1) * size + Int(place)
        }
        return reshaped(-1).gathered(places).reshaped(to: positions.shape)
    }
}

/// Convolution the other way: each input pixel lays the filters down into the output, `stride` pixels apart.
///
/// x `[batch, channels, height, width]`, weight `[channels, filters, kernel, kernel]` (as PyTorch has it); the result is
/// `[batch, filters, (height - 1) stride - 2 padding + kernel + outputPadding, …]`.
public func transposedConv2D(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0
) -> Tensor {
    guard x.rank == 4, weight.rank == 4, x.shape[1] == weight.shape[0] else {
        fail("transposedConv2D: \(x.shape) and \(weight.shape) do not fit")
    }
    func size(_ input: Int, _ kernel: Int) -> Int { (input - 1) * stride - 2 * padding + kernel + outputPadding }
    // The convolution whose way back this is.
    let output: Shape = [
        x.shape[0], weight.shape[1], size(x.shape[2], weight.shape[2]), size(x.shape[3], weight.shape[3]),
    ]
    let sizes = ConvolutionSizes(output, weight.shape, stride: stride, padding: padding, dilation: 1, groups: 1)
    guard sizes.outputShape == x.shape else {
        fail("transposedConv2D: an output padding of \(outputPadding) does not fit a stride of \(stride)")
    }
    if x.isShapeOnly || weight.isShapeOnly { return Tensor(shapeOnly: output, x.dtype) }
    let result = convolvedDataGradient(x.floating, weight, sizes)
    return bias.map { result + $0.reshaped(1, -1, 1, 1) } ?? result
}

/// A result with a way back of one's own: `backward` gets the gradient of the result and returns one for each input, or
/// `nil` where there is none.
public func withCustomGradient(
    of inputs: [Tensor], _ function: ([Tensor]) -> Tensor, backward: @escaping (Tensor) -> [Tensor?]
) -> Tensor {
    let result = function(inputs.map { $0.withoutGradient() })
    return result.withoutGradient().recorded(from: inputs) { gradient in
        let gradients = backward(gradient)
        guard gradients.count == inputs.count else {
            fail("withCustomGradient: \(gradients.count) gradients for \(inputs.count) inputs")
        }
        return gradients
    }
}
