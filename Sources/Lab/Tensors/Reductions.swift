extension Tensor {
    /// The shape without the given axes, or with 1 in their place.
    private func reducedShape(_ axes: [Int], _ keepDims: Bool) -> Shape {
        Shape((0..<rank).compactMap { !axes.contains($0) ? shape[$0] : keepDims ? 1 : nil })
    }

    /// One axis after the other, innermost first, so that each pass runs over memory in order.
    @inline(__always)
    private func reduced(
        _ axes: [Int], _ single: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Extent) -> Void,
        _ double: (UnsafePointer<Double>, UnsafeMutablePointer<Double>, Extent) -> Void,
        onGPU: (Tensor, Extent, Shape) -> Tensor
    ) -> Tensor {
        var result = floating
        var axes = axes.sorted()
        while let last = axes.popLast() {
            // Neighbouring axes are one.
            var first = last
            while axes.last == first - 1 { first = axes.removeLast() }
            let extent = Extent(
                outer: result.shape[..<first].reduce(1, *), size: result.shape[first...last].reduce(1, *),
                inner: result.shape[(last + 1)...].reduce(1, *))
            let shape = Shape(
                result.shape[..<first] + [Int](repeating: 1, count: last - first + 1) + result.shape[(last + 1)...])
            if result.isOnGPU {
                result = onGPU(result, extent, shape)
                continue
            }
            let next =
                result.isShapeOnly ? Tensor(shapeOnly: shape, result.dtype) : Tensor(uninitialized: shape, result.dtype)
            if !result.isShapeOnly {
                if result.dtype == .float64 {
                    double(result.pointer(Double.self), next.pointer(Double.self), extent)
                } else {
                    single(result.floats, next.floats, extent)
                }
            }
            result = next
        }
        return result.withoutGradient()
    }

    /// The sum of all elements. Of whole numbers it is an `int32`, at most that type's largest number.
    public func sum() -> Tensor { sum(axes: Array(0..<rank)) }
    /// The sum along an axis, which disappears or (`keepDims`) becomes 1.
    public func sum(axis: Int, keepDims: Bool = false) -> Tensor { sum(axes: [axis], keepDims: keepDims) }
    /// The sum along several axes.
    public func sum(axes: [Int], keepDims: Bool = false) -> Tensor {
        let axes = self.axes(axes, "sum")
        let x = dtype.isFloatingPoint ? floating : converted(to: .float64)
        var result = x.reduced(axes, addUp, addUp, onGPU: { $0.summedOnGPU($1, $2) })
        if !dtype.isFloatingPoint { result = result.converted(to: .int32) }
        let kept = reducedShape(axes, true)
        return result.reshaped(to: reducedShape(axes, keepDims)).recorded(self) {
            $0.reshaped(to: kept).broadcast(to: x.shape)
        }
    }

    /// The mean of all elements.
    public func mean() -> Tensor { mean(axes: Array(0..<rank)) }
    /// The mean along an axis.
    public func mean(axis: Int, keepDims: Bool = false) -> Tensor { mean(axes: [axis], keepDims: keepDims) }
    /// The mean along several axes.
    public func mean(axes: [Int], keepDims: Bool = false) -> Tensor {
        let count = self.axes(axes, "mean").reduce(1) { $0 * shape[$1] }
        return floating.sum(axes: axes, keepDims: keepDims) * (1 / Double(count))
    }

    /// The variance along several axes (all, if none are given): the mean squared distance from the mean, or with
    /// `unbiased` the sum of squares over n - 1.
    public func variance(axes: [Int]? = nil, keepDims: Bool = false, unbiased: Bool = false) -> Tensor {
        let axes = self.axes(axes ?? Array(0..<rank), "variance")
        let count = Double(axes.reduce(1) { $0 * shape[$1] })
        let distance = self - mean(axes: axes, keepDims: true)
        return distance.squared().sum(axes: axes, keepDims: keepDims) * (1 / (unbiased ? count - 1 : count))
    }

    /// The square root of the variance.
    public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false, unbiased: Bool = false) -> Tensor {
        variance(axes: axes, keepDims: keepDims, unbiased: unbiased).squareRoot()
    }

    /// The largest element; NaN where there is one. Where several are equal they share the gradient.
    public func maximum() -> Tensor { maximum(axes: Array(0..<rank)) }
    public func maximum(axis: Int, keepDims: Bool = false) -> Tensor { maximum(axes: [axis], keepDims: keepDims) }
    public func maximum(axes: [Int], keepDims: Bool = false) -> Tensor {
        extreme("maximum", axes, keepDims) {
            $0.reduced(
                $1, { foldUp($0, $1, $2, larger) }, { foldUp($0, $1, $2, larger) },
                onGPU: { $0.extremeOnGPU("largest", $1, $2) })
        }
    }

    /// The smallest element; NaN where there is one. Where several are equal they share the gradient.
    public func minimum() -> Tensor { minimum(axes: Array(0..<rank)) }
    public func minimum(axis: Int, keepDims: Bool = false) -> Tensor { minimum(axes: [axis], keepDims: keepDims) }
    public func minimum(axes: [Int], keepDims: Bool = false) -> Tensor {
        extreme("minimum", axes, keepDims) {
            $0.reduced(
                $1, { foldUp($0, $1, $2, smaller) }, { foldUp($0, $1, $2, smaller) },
                onGPU: { $0.extremeOnGPU("smallest", $1, $2) })
        }
    }

    private func extreme(
        _ operation: String, _ axes: [Int], _ keepDims: Bool, _ reduce: (Tensor, [Int]) -> Tensor
    ) -> Tensor {
        let axes = self.axes(axes, operation)
        guard axes.allSatisfy({ shape[$0] > 0 }) else { fail("\(operation): \(shape) has no elements to choose from") }
        let x = dtype.isFloatingPoint ? floating : converted(to: .float64)
        let result = reduce(x, axes)
        let kept = reducedShape(axes, true)
        let typed = dtype.isFloatingPoint ? result : result.converted(to: dtype)
        return typed.reshaped(to: reducedShape(axes, keepDims)).recorded(self) { gradient in
            let isChosen = (x .== result.reshaped(to: kept)).converted(to: gradient.dtype)
            return isChosen * (gradient.reshaped(to: kept) / isChosen.sum(axes: axes, keepDims: true))
        }
    }

    /// The position of the largest element along an axis, the first of equal ones: `int32`, without that axis. NaN counts as the
    /// largest, so that it is noticed.
    public func argmax(axis: Int = -1) -> Tensor { position("argmax", axis, >) }
    /// The position of the smallest element along an axis, the first of equal ones. NaN counts as the smallest.
    public func argmin(axis: Int = -1) -> Tensor { position("argmin", axis, <) }

    private func position(_ operation: String, _ axis: Int, _ isBetter: (Double, Double) -> Bool) -> Tensor {
        let axis = self.axis(axis, operation)
        guard shape[axis] > 0 else { fail("\(operation): \(shape) has no elements to choose from") }
        let result = shape.replacing(axis: axis, with: nil)
        if isShapeOnly { return Tensor(shapeOnly: result, .int32) }
        if isOnGPU { return positionOnGPU(operation, extent(axis), result) }
        let values = doubles
        let inner = shape[(axis + 1)...].reduce(1, *)
        let size = shape[axis]
        return Tensor(
            positions: (0..<result.elementCount).map { index in
                let base = index / inner * size * inner + index % inner
                var best = 0
                for candidate in 1..<max(size, 1)
                where isBetter(values[base + candidate * inner], values[base + best * inner])
                    || (values[base + candidate * inner].isNaN && !values[base + best * inner].isNaN)
                { best = candidate }
                return Int32(best)
            }, shape: result)
    }
}

/// An axis to reduce between those before and after it.
struct Extent {
    var outer: Int
    var size: Int
    var inner: Int
}

/// Sums along the middle axis. Long rows are added in eight lanes and in pieces, so that rounding errors do not grow
/// with the length; the order depends on the extent alone.
@inline(__always)
private func addUp<Scalar: BinaryFloatingPoint & SIMDScalar>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ extent: Extent
) {
    let (size, inner) = (extent.size, extent.inner)
    if inner == 1 {
        parallel(extent.outer, grain: max(1, 16384 / max(size, 1))) { rows in
            for row in rows {
                let from = source + row * size
                var total = 0.0
                var start = 0
                while start < size {
                    let end = min(start + 1024, size)
                    var lanes = SIMD8<Scalar>()
                    var index = start
                    while index + 8 <= end {
                        lanes += UnsafeRawPointer(from + index).loadUnaligned(as: SIMD8<Scalar>.self)
                        index += 8
                    }
                    var sum =
                        ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5]))
                        + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
                    while index < end {
                        sum += from[index]
                        index += 1
                    }
                    total += Double(sum)
                    start = end
                }
                target[row] = Scalar(total)
            }
        }
    } else {
        let width = max(min(inner, 256), 1)
        let columns = (inner + width - 1) / width
        parallel(extent.outer * columns, grain: max(1, 16384 / max(size * width, 1))) { tiles in
            for tile in tiles {
                let from = source + tile / columns * size * inner
                let to = target + tile / columns * inner
                let range = tile % columns * width..<min(tile % columns * width + width, inner)
                for index in range { to[index] = 0 }
                for row in 0..<size {
                    let line = from + row * inner
                    for index in range { to[index] += line[index] }
                }
            }
        }
    }
}

@inline(__always)
private func foldUp<Scalar>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ extent: Extent,
    _ choose: (Scalar, Scalar) -> Scalar
) {
    let (size, inner) = (extent.size, extent.inner)
    parallel(extent.outer, grain: max(1, 16384 / max(size * inner, 1))) { rows in
        for row in rows {
            let from = source + row * size * inner
            let to = target + row * inner
            for index in 0..<inner { to[index] = from[index] }
            for step in 1..<max(size, 1) {
                for index in 0..<inner { to[index] = choose(to[index], from[step * inner + index]) }
            }
        }
    }
}
