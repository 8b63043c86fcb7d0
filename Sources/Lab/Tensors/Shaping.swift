extension Tensor {
    /// The same elements in another shape; one size may be -1, which is worked out from the others.
    public func reshaped(to shape: Shape) -> Tensor {
        if shape == self.shape { return self }
        guard shape.elementCount == elementCount else {
            fail("reshaped: \(self.shape) has \(elementCount) elements, \(shape) has \(shape.elementCount)")
        }
        if isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        let old = self.shape
        return Tensor(handle: Handle(shape: shape, dtype: dtype, buffer: buffer)).recorded(self) {
            $0.reshaped(to: old)
        }
    }

    /// The same elements in the given sizes, of which one may be -1: as large as needed.
    public func reshaped(_ sizes: Int...) -> Tensor {
        guard let open = sizes.firstIndex(of: -1) else { return reshaped(to: Shape(sizes)) }
        let known = sizes.enumerated().filter { $0.offset != open }.reduce(1) { $0 * $1.element }
        guard known > 0, elementCount % known == 0 else {
            fail("reshaped: the \(elementCount) elements of \(shape) cannot be arranged as \(sizes)")
        }
        var sizes = sizes
        sizes[open] = elementCount / known
        return reshaped(to: Shape(sizes))
    }

    /// All axes from `first` on as one: `[batch, features]` of images.
    public func flattened(from first: Int = 1) -> Tensor {
        guard first <= rank else { fail("flattened: \(shape) has no axis \(first)") }
        return reshaped(to: Shape(shape[..<first] + [shape[first...].reduce(1, *)]))
    }

    /// With an axis of size 1 put in at the given position.
    public func expanded(at axis: Int) -> Tensor {
        let axis = axis < 0 ? axis + rank + 1 : axis
        guard (0...rank).contains(axis) else { fail("expanded: \(shape) has no place \(axis) for an axis") }
        return reshaped(to: Shape(shape[..<axis] + [1] + shape[axis...]))
    }

    /// Without the axis at the given position, or without all axes, of size 1.
    public func squeezed(at axis: Int? = nil) -> Tensor {
        guard let axis else { return reshaped(to: Shape(shape.filter { $0 != 1 })) }
        let position = self.axis(axis, "squeezed")
        guard shape[position] == 1 else { fail("squeezed: axis \(axis) of \(shape) is not 1") }
        return reshaped(to: shape.replacing(axis: position, with: nil))
    }

    /// The elements repeated along axes of size 1, and along new ones in front, to fill the shape.
    public func broadcast(to shape: Shape) -> Tensor {
        if shape == self.shape { return self }
        guard self.shape.broadcast(with: shape) == shape else {
            fail("broadcast: \(self.shape) does not stretch to \(shape)")
        }
        if isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        let old = self.shape
        let missing = shape.rank - rank
        let strides = old.strides
        let steps = (0..<shape.rank).map { $0 < missing || old[$0 - missing] == 1 ? 0 : strides[$0 - missing] }
        return gathered(shape, steps, offset: 0).recorded(self) { $0.summed(to: old) }
    }

    /// The axes in reverse order: of a matrix, its transpose.
    public func transposed() -> Tensor { permuted(Array((0..<rank).reversed())) }

    /// With two axes exchanged.
    public func transposed(_ a: Int, _ b: Int) -> Tensor {
        var order = Array(0..<rank)
        order.swapAt(axis(a, "transposed"), axis(b, "transposed"))
        return permuted(order)
    }

    /// The axes in the given order: axis i of the result is axis `order[i]` of this.
    public func permuted(_ order: [Int]) -> Tensor {
        let order = order.map { axis($0, "permuted") }
        guard order.sorted() == Array(0..<rank) else {
            fail("permuted: \(order) does not name each axis of \(shape) once")
        }
        if order == Array(0..<rank) { return self }
        let result = Shape(order.map { shape[$0] })
        var inverse = order
        for (new, old) in order.enumerated() { inverse[old] = new }
        if isShapeOnly { return Tensor(shapeOnly: result, dtype) }
        let strides = shape.strides
        return gathered(result, order.map { strides[$0] }, offset: 0).recorded(self) { $0.permuted(inverse) }
    }

    /// The part from `range.lowerBound` up to `range.upperBound` along an axis.
    public func sliced(axis: Int = 0, _ range: Range<Int>) -> Tensor { sliced(axis: axis, range, step: 1) }

    /// Every `step`-th of a range along an axis.
    public func sliced(axis: Int, _ range: Range<Int>, step: Int) -> Tensor {
        let axis = self.axis(axis, "sliced")
        guard range.lowerBound >= 0, range.upperBound <= shape[axis], step >= 1 else {
            fail("sliced: \(range) does not lie in axis \(axis) of \(shape)")
        }
        let size = (range.count + step - 1) / step
        let result = shape.replacing(axis: axis, with: size)
        if isShapeOnly { return Tensor(shapeOnly: result, dtype) }
        var steps = shape.strides
        let offset = range.isEmpty ? 0 : range.lowerBound * steps[axis]
        steps[axis] *= step
        return part(.strided(result, steps: steps, offset: offset))
    }

    /// The element at (i · steps) + offset for every i of the shape.
    func gathered(_ shape: Shape, _ steps: [Int], offset: Int) -> Tensor {
        if isOnGPU { return gatheredOnGPU(shape, steps, offset: offset) }
        let result = Tensor(uninitialized: shape, dtype)
        switch dtype.byteCount {
        case 1: gather(pointer(UInt8.self) + offset, result.pointer(UInt8.self), shape, steps)
        case 2: gather(pointer(UInt16.self) + offset, result.pointer(UInt16.self), shape, steps)
        case 4: gather(pointer(UInt32.self) + offset, result.pointer(UInt32.self), shape, steps)
        default: gather(pointer(UInt64.self) + offset, result.pointer(UInt64.self), shape, steps)
        }
        return result
    }
}

/// Visits (i · steps) for every i of the shape, a run of elements with one step at a time.
@inline(__always)
func walk(
    _ shape: Shape, _ steps: [Int], _ run: (_ position: Int, _ offset: Int, _ size: Int, _ step: Int) -> Void
) {
    guard shape.elementCount > 0 else { return }
    // An axis joins the one inside it where the elements run on without a gap.
    var axes: [(size: Int, step: Int)] = []
    for axis in (0..<shape.rank).reversed() where shape[axis] != 1 {
        if let last = axes.last, steps[axis] == last.step * last.size {
            axes[axes.count - 1].size *= shape[axis]
        } else {
            axes.append((shape[axis], steps[axis]))
        }
    }
    guard let inner = axes.first else { return run(0, 0, 1, 1) }
    axes.removeFirst()
    var index = [Int](repeating: 0, count: axes.count)
    var offset = 0
    for position in stride(from: 0, to: shape.elementCount, by: inner.size) {
        run(position, offset, inner.size, inner.step)
        for axis in axes.indices {
            index[axis] += 1
            offset += axes[axis].step
            if index[axis] < axes[axis].size { break }
            offset -= axes[axis].step * axes[axis].size
            index[axis] = 0
        }
    }
}

private func gather<Scalar>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ shape: Shape, _ steps: [Int]
) {
    walk(shape, steps) { position, offset, size, step in
        if step == 1 {
            (target + position).update(from: source + offset, count: size)
        } else {
            for i in 0..<size { target[position + i] = source[offset + i * step] }
        }
    }
}

/// Tensors one after the other along an axis.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    guard let first = tensors.first else { fail("concatenated: there are no tensors") }
    let axis = first.axis(axis, "concatenated")
    for tensor in tensors
    where tensor.rank != first.rank
        || tensor.shape.replacing(axis: axis, with: nil) != first.shape.replacing(axis: axis, with: nil)
    {
        fail("concatenated: \(first.shape) and \(tensor.shape) do not fit along axis \(axis)")
    }
    let dtype = tensors.reduce(first.dtype) { $0.combined(with: $1.dtype) }
    let shape = first.shape.replacing(axis: axis, with: tensors.reduce(0) { $0 + $1.shape[axis] })
    if tensors.contains(where: \.isShapeOnly) { return Tensor(shapeOnly: shape, dtype) }
    let gpu = tensors.first { $0.isOnGPU }?.gpu
    let result = gpu?.tensor(shape, dtype, for: "concatenated") ?? Tensor(uninitialized: shape, dtype)
    let outer = shape[..<axis].reduce(1, *)
    let rowBytes = shape[axis...].reduce(1, *) * dtype.byteCount
    var start = 0
    for tensor in tensors {
        let part = tensor.converted(to: dtype)
        let bytes = part.shape[axis...].reduce(1, *) * dtype.byteCount
        defer { start += bytes }
        if let gpu {
            let (count, place) = (rowBytes / dtype.byteCount, start / dtype.byteCount)
            part.on(gpu).appendOnGPU(to: result, outer: outer, rowCount: count, start: place)
            continue
        }
        for row in 0..<outer {
            (result.buffer.address + row * rowBytes + start)
                .copyMemory(from: part.buffer.address + row * bytes, byteCount: bytes)
        }
    }
    return result.recorded(from: tensors) { gradient in
        var from = 0
        return tensors.map { tensor in
            defer { from += tensor.shape[axis] }
            return tensor.ifTracked(gradient) { $0.sliced(axis: axis, from..<from + tensor.shape[axis]) }
        }
    }
}

/// Tensors of one shape along a new axis.
public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    concatenated(tensors.map { $0.expanded(at: axis) }, axis: axis)
}
