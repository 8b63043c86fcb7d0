extension Tensor {
    /// The parts at the given positions along an axis, in that order: a batch from a data set.
    ///
    /// `positions` is a whole-number tensor of any shape, which takes the axis' place.
    public func gathered(_ positions: Tensor, axis: Int = 0) -> Tensor {
        let axis = self.axis(axis, "gathered")
        let result = Shape(shape[..<axis] + positions.shape.sizes + shape[(axis + 1)...])
        if isShapeOnly || positions.isShapeOnly { return Tensor(shapeOnly: result, dtype) }
        if isOnGPU, positions.isOnGPU, !isTracked {
            let extent = extent(axis)
            return withoutGradient().gatheredOnGPU(
                positions, outer: extent.outer, size: extent.size, inner: extent.inner, result)
        }
        return gathered(positions.positions("gathered"), axis: axis).reshaped(to: result)
    }

    /// The parts at the given positions along an axis, in that order.
    public func gathered(_ positions: [Int], axis: Int = 0) -> Tensor {
        let axis = self.axis(axis, "gathered")
        let size = shape[axis]
        if let outside = positions.first(where: { $0 < 0 || $0 >= size }) {
            fail("gathered: \(outside) is not a position along axis \(axis) of \(shape)")
        }
        let old = shape
        let shape = old.replacing(axis: axis, with: positions.count)
        if isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        if isOnGPU {
            let extent = extent(axis)
            return gatheredOnGPU(positions, outer: extent.outer, size: size, inner: extent.inner, shape).recorded(self)
            {
                $0.scattered(positions, axis: axis, size: size)
            }
        }
        let result = Tensor(uninitialized: shape, dtype)
        let bytes = old[(axis + 1)...].reduce(1, *) * dtype.byteCount
        let (source, target) = (buffer.address, result.buffer.address)
        let count = positions.count
        parallel(old[..<axis].reduce(1, *) * count, grain: max(1, 65536 / max(bytes, 1))) { rows in
            for row in rows {
                let (outer, position) = row.quotientAndRemainder(dividingBy: count)
                (target + row * bytes)
                    .copyMemory(from: source + (outer * size + positions[position]) * bytes, byteCount: bytes)
            }
        }
        return result.recorded(self) { $0.scattered(positions, axis: axis, size: size) }
    }

    /// The reverse of `gathered`: a tensor with `size` parts along the axis, where each of this tensor's parts is added
    /// at its position.
    public func scattered(_ positions: [Int], axis: Int = 0, size: Int) -> Tensor {
        let axis = self.axis(axis, "scattered")
        guard shape[axis] == positions.count, positions.allSatisfy({ $0 >= 0 && $0 < size }) else {
            fail("scattered: \(positions.count) positions below \(size) do not fit axis \(axis) of \(shape)")
        }
        let whole = shape.replacing(axis: axis, with: size)
        if isShapeOnly { return Tensor(shapeOnly: whole, dtype) }
        if isOnGPU {
            let extent = extent(axis)
            return floating.scatteredOnGPU(positions, outer: extent.outer, size: size, inner: extent.inner, whole)
                .recorded(self) { $0.gathered(positions, axis: axis) }
        }
        let result = Tensor.zeros(whole, dtype: floating.dtype, on: nil)
        let inner = shape[(axis + 1)...].reduce(1, *)
        let outer = shape[..<axis].reduce(1, *)
        func add<Scalar: FloatingPoint>(_ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>) {
            for row in 0..<outer {
                for (index, position) in positions.enumerated() {
                    let from = source + (row * positions.count + index) * inner
                    let to = target + (row * size + position) * inner
                    for i in 0..<inner { to[i] += from[i] }
                }
            }
        }
        let x = floating
        if x.dtype == .float64 {
            add(x.pointer(Double.self), result.pointer(Double.self))
        } else {
            add(x.floats, result.floats)
        }
        return result.recorded(self) { $0.gathered(positions, axis: axis) }
    }

    /// The elements as positions: whole numbers.
    func positions(_ operation: String) -> [Int] {
        if dtype == .int32 { return int32s.map(Int.init) }
        return doubles.map {
            guard let position = Int(exactly: $0) else { fail("\(operation): \($0) is not a position or a class") }
            return position
        }
    }

    /// 1 at each position and 0 elsewhere, along a new last axis: `[batch, classes]` of labels.
    public func oneHot(classes: Int, dtype: DType = .float32) -> Tensor {
        if isShapeOnly { return Tensor(shapeOnly: Shape(shape.sizes + [classes]), dtype) }
        if isOnGPU { return oneHotOnGPU(classes: classes, dtype) }
        let result = Tensor.zeros(Shape(shape.sizes + [classes]), dtype: .float64, on: nil)
        let elements = result.pointer(Double.self)
        for (row, label) in positions("oneHot").enumerated() {
            guard label >= 0, label < classes else {
                fail("oneHot: the label \(label) is not one of \(classes) classes, 0 to \(classes - 1)")
            }
            elements[row * classes + label] = 1
        }
        return result.converted(to: dtype)
    }
}
