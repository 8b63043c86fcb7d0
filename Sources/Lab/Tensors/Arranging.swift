extension Tensor {
    /// With `before` and `after` elements of a value put at the ends of an axis.
    public func padded(axis: Int, before: Int, after: Int, value: Double = 0) -> Tensor {
        let axis = self.axis(axis, "padded")
        guard before >= 0, after >= 0 else { fail("padded: \(before) and \(after) cannot be put at the ends") }
        func block(_ size: Int) -> [Tensor] {
            let shape = shape.replacing(axis: axis, with: size)
            return size == 0
                ? [] : [isShapeOnly ? Tensor(shapeOnly: shape, dtype) : .full(shape, value, dtype: dtype, on: gpu)]
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

    /// The sums up to each element along an axis.
    public func cumulativeSum(axis: Int) -> Tensor {
        let axis = self.axis(axis, "cumulativeSum")
        if isShapeOnly { return self }
        let x = floating
        if x.isOnGPU {
            return x.cumulativeSumOnGPU(extent(axis)).recorded(x) {
                $0.reversed(axis: axis).cumulativeSum(axis: axis).reversed(axis: axis)
            }
        }
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
    /// `int32`. NaN counts as the largest.
    public func argsort(descending: Bool = false) -> Tensor {
        guard rank > 0 else { fail("argsort: a scalar has no axis to sort along") }
        if isShapeOnly { return Tensor(shapeOnly: shape, .int32) }
        if isOnGPU { return argsortOnGPU(descending: descending) }
        let (values, size) = (doubles, shape.last ?? 1)
        var positions: [Int32] = []
        positions.reserveCapacity(elementCount)
        for start in stride(from: 0, to: elementCount, by: max(size, 1)) {
            positions += (0..<Int32(size)).sorted { a, b in
                let (left, right) = (values[start + Int(a)], values[start + Int(b)])
                if left.isNaN || right.isNaN { return left.isNaN == right.isNaN ? a < b : right.isNaN != descending }
                return left == right ? a < b : descending ? left > right : left < right
            }
        }
        return Tensor(positions: positions, shape: shape)
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
        if isOnGPU, dtype.byteCount >= 4 {
            let (size, dtype) = (shape[rank - 1], floating.dtype)
            return chosenOnGPU(positions).recorded(self) { gradient in
                // 1 where an element was chosen: [rows, size, count] times the gradient.
                let chosen = positions.to(gradient.device).oneHot(classes: size, dtype: dtype)
                return matmul(gradient.expanded(at: -2), chosen).squeezed(at: -2)
            }
        }
        let (size, count) = (shape[rank - 1], positions.shape[rank - 1])
        let places = positions.positions("chosen").enumerated().map { index, place -> Int in
            guard place >= 0, place < size else { fail("chosen: \(place) is not a position in rows of \(size)") }
            return index / max(count, 1) * size + place
        }
        return reshaped(-1).gathered(places).reshaped(to: positions.shape)
    }
}
