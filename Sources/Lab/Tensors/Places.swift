/// Where the elements of a subscript lie in a tensor.
enum Places {
    /// At (i · steps) + offset for every i of the shape.
    case strided(Shape, steps: [Int], offset: Int)
    /// One by one.
    case listed(Shape, offsets: [Int])

    var shape: Shape {
        switch self {
        case .strided(let shape, _, _), .listed(let shape, _): shape
        }
    }

    /// The places that `parts` choose of a tensor of the given shape. To write to, each may be there once.
    init(_ parts: [AxisPart], of shape: Shape, forWriting: Bool = false) {
        func fail(_ part: AxisPart, _ axis: Int) -> Never {
            Tensors.fail("subscript: \(part.text) does not lie in axis \(axis) of \(shape)")
        }
        let named = parts.count {
            switch $0.form {
            case .ellipsis, .newAxis: false
            case .position, .range, .positions, .list: true
            }
        }
        let ellipses = parts.count { if case .ellipsis = $0.form { true } else { false } }
        guard named <= shape.rank, ellipses <= 1 else {
            let written = parts.map(\.text).joined(separator: ", ")
            Tensors.fail(
                named > shape.rank
                    ? "subscript: [\(written)] chooses from \(named) axes, \(shape) has \(shape.rank)"
                    : "subscript: [\(written)] has more than one ellipsis")
        }
        let strides = shape.strides
        var (sizes, steps, offset, axis) = ([Int](), [Int](), 0, 0)
        var list: (axis: Int, offsets: [Int])?
        func takeWholeAxes(_ count: Int) {
            for _ in 0..<count {
                sizes.append(shape[axis])
                steps.append(strides[axis])
                axis += 1
            }
        }
        for part in parts {
            switch part.form {
            case .ellipsis: takeWholeAxes(shape.rank - named)
            case .newAxis:
                sizes.append(1)
                steps.append(0)
            case .position(let position):
                let size = shape[axis]
                guard position >= -size, position < size else {
                    Tensors.fail("subscript: \(position) is not a position along axis \(axis) of \(shape)")
                }
                offset += (position < 0 ? position + size : position) * strides[axis]
                axis += 1
            case .range(let from, let to, let step):
                let size = shape[axis]
                guard step != 0 else { Tensors.fail("subscript: a step of 0 leads nowhere") }
                func fromEnd(_ bound: Int) -> Int { bound < 0 ? bound + size : bound }
                let first = from.map(fromEnd) ?? (step > 0 ? 0 : size - 1)
                let end = to.map(fromEnd) ?? (step > 0 ? size : -1)
                guard
                    step > 0
                        ? 0 <= first && first <= end && end <= size : -1 <= end && end <= first && first < size
                else { fail(part, axis) }
                sizes.append((end - first + step + (step > 0 ? -1 : 1)) / step)
                steps.append(step * strides[axis])
                offset += sizes.last! == 0 ? 0 : first * strides[axis]
                axis += 1
            case .positions(var first, let count, let step):
                let size = shape[axis]
                var last = first + (count - 1) * step
                if first < 0, last < 0 { (first, last) = (first + size, last + size) }
                guard count == 0 || (first >= 0 && first < size && last >= 0 && last < size) else { fail(part, axis) }
                sizes.append(count)
                steps.append(step * strides[axis])
                offset += count == 0 ? 0 : first * strides[axis]
                axis += 1
            case .list(let positions):
                let (size, stride) = (shape[axis], strides[axis])
                guard positions.allSatisfy({ $0 >= -size && $0 < size }) else { fail(part, axis) }
                guard list == nil else {
                    Tensors.fail(
                        "subscript: only one axis can be chosen from by a list; choose from the others with gathered(_:axis:)"
                    )
                }
                let fromStart = positions.map { $0 < 0 ? $0 + size : $0 }
                var seen: Set<Int> = []
                if forWriting, let twice = fromStart.first(where: { !seen.insert($0).inserted }) {
                    Tensors.fail("subscript: position \(twice) along axis \(axis) is assigned to twice")
                }
                list = (sizes.count, fromStart.map { $0 * stride })
                sizes.append(positions.count)
                steps.append(0)
                axis += 1
            }
        }
        takeWholeAxes(shape.rank - axis)
        let result = Shape(sizes)
        guard let list else {
            self = .strided(result, steps: steps, offset: offset)
            return
        }
        var offsets: [Int] = []
        offsets.reserveCapacity(result.elementCount)
        let listStep = result.strides[list.axis]
        walk(result, steps) { position, start, size, step in
            for i in 0..<size {
                let chosen = (position + i) / listStep % list.offsets.count
                offsets.append(offset + start + i * step + list.offsets[chosen])
            }
        }
        self = .listed(result, offsets: offsets)
    }

    /// The places where a mask over the first axes of a tensor is true: `[count, …]`.
    init(where mask: Tensor, in shape: Shape) {
        let inner = shape.dropFirst(mask.rank).reduce(1, *)
        let starts = mask.bytes.enumerated().compactMap { $0.element == 0 ? nil : $0.offset * inner }
        self = .listed(
            Shape([starts.count] + shape.dropFirst(mask.rank)),
            offsets: inner == 1 ? starts : starts.flatMap { $0..<$0 + inner })
    }
}
