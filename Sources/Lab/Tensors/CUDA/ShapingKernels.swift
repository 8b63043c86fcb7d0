internal import CCUDA

extension GPU {
    /// All elements the same.
    func full(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor {
        switch dtype {
        case .bfloat16: return full(shape, value, .float32).convertedOnGPU(to: .bfloat16)
        case .bool: return filled(shape, value == 0 ? 0 : 1, .bool, "uint8")
        case .float32, .float64, .int32, .uint8: return filled(shape, value, dtype, dtype.rawValue)
        }
    }

    private func filled(_ shape: Shape, _ value: Double, _ dtype: DType, _ kernel: String) -> Tensor {
        let result = tensor(shape, dtype, for: "full")
        launch("full", "arranging", "filled_\(kernel)", count: shape.elementCount, result, shape.elementCount, value)
        return result
    }

    /// Moves an element for each i of the shape, from (i · steps) + offset to (i · others) + otherOffset.
    func move(
        _ operation: String, _ source: Buffer, _ steps: [Int], offset: Int, to target: Buffer, _ others: [Int],
        otherOffset: Int, _ shape: Shape, elementBytes: Int
    ) {
        let count = shape.elementCount
        guard count > 0 else { return }
        let plan = LabBroadcast(shape, steps, others, operation)
        launch(
            operation, "arranging", "copied_\(8 * elementBytes)", count: count,
            DevicePlace(source, offset * elementBytes), DevicePlace(target, otherOffset * elementBytes), count, plan)
    }
}

extension DevicePlace {
    init(_ buffer: Buffer, _ byteOffset: Int) {
        address = UInt64(bitPattern: Int64(bitPattern: buffer.place) + Int64(byteOffset))
    }
}

extension Tensor {
    private var elementBits: Int { 8 * dtype.byteCount }

    /// The element at (i · steps) + offset for every i of the shape.
    func gatheredOnGPU(_ shape: Shape, _ steps: [Int], offset: Int) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: "copy of a part")
        gpu.move(
            "copy of a part", buffer, steps, offset: offset, to: result.buffer, shape.strides, otherOffset: 0, shape,
            elementBytes: dtype.byteCount)
        return result
    }

    /// Zeros, and at (i · steps) + offset of the shape this tensor's elements. No place is named twice.
    func spreadOnGPU(to shape: Shape, _ part: Shape, _ steps: [Int], offset: Int) -> Tensor {
        let result = Tensor.zeros(shape, dtype: dtype, on: gpu)
        gpu!.move(
            "gradient of a part", buffer, part.strides, offset: 0, to: result.buffer, steps, otherOffset: offset, part,
            elementBytes: dtype.byteCount)
        return result
    }

    /// Writes to (i · steps) + offset of this tensor's own memory.
    func writeOnGPU(_ source: Tensor, _ part: Shape, _ steps: [Int], offset: Int) {
        let gpu = gpu!
        let value = source.on(gpu)
        gpu.move(
            "assignment", value.buffer, part.strides, offset: 0, to: buffer, steps, otherOffset: offset, part,
            elementBytes: dtype.byteCount)
    }

    /// Writes to places that are given one by one, each once.
    func writeOnGPU(_ source: Tensor, at offsets: [Int]) {
        let gpu = gpu!
        let (value, places) = (source.on(gpu), gpu.upload(offsets.map(Int32.init), for: "assignment"))
        gpu.launch(
            "assignment", "indexing", "placed_\(elementBits)", count: offsets.count, value, places, self, offsets.count)
    }

    /// This tensor's elements one after the other behind those of `outer` parts: a row of `result` has `rowCount`
    /// elements, and this one's begin at `start` in each.
    func appendOnGPU(to result: Tensor, outer: Int, rowCount: Int, start: Int) {
        let inner = elementCount / max(outer, 1)
        gpu!.move(
            "concatenated", buffer, [inner, 1], offset: 0, to: result.buffer, [rowCount, 1], otherOffset: start,
            [outer, inner], elementBytes: dtype.byteCount)
    }

    // MARK: - Positions

    /// Parts at positions that are known to exist: `[outer, size, inner]` becomes `[outer, count, inner]`.
    func gatheredOnGPU(_ positions: [Int], outer: Int, size: Int, inner: Int, _ shape: Shape) -> Tensor {
        let gpu = gpu!
        let places = gpu.upload(positions.map(Int32.init), for: "gathered")
        return gathered(places, positions.count, outer: outer, size: size, inner: inner, shape) { _ in
            "gathered: a position does not exist"
        }
    }

    /// Parts at positions that lie on the GPU too, which notes those that do not exist.
    func gatheredOnGPU(_ positions: Tensor, outer: Int, size: Int, inner: Int, _ shape: Shape) -> Tensor {
        let places = positions.converted(to: .int32)
        return gathered(places.buffer, places.elementCount, outer: outer, size: size, inner: inner, shape) { number in
            "gathered: position \(number) of \(places.int32s[number]) does not exist among \(size)"
        }
    }

    private func gathered(
        _ positions: Buffer, _ count: Int, outer: Int, size: Int, inner: Int, _ shape: Shape,
        _ complaint: @escaping @Sendable (Int) -> String
    ) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: "gathered")
        let wrong = gpu.doing("gathered") { try gpu.complaints.place(complaint) }
        gpu.launch(
            "gathered", "indexing", "gathered_\(elementBits)", count: shape.elementCount, self, positions, result,
            wrong,
            outer, size, count, inner)
        return result
    }

    /// The reverse: each part added at its position. Of floating-point tensors.
    func scatteredOnGPU(_ positions: [Int], outer: Int, size: Int, inner: Int, _ shape: Shape) -> Tensor {
        let gpu = gpu!
        // For each position the parts that go there, one after the other: sorted by counting.
        var starts = [Int32](repeating: 0, count: size + 1)
        for position in positions { starts[position + 1] += 1 }
        for position in 0..<size { starts[position + 1] += starts[position] }
        var (next, parts) = (starts, [Int32](repeating: 0, count: positions.count))
        for (part, position) in positions.enumerated() {
            parts[Int(next[position])] = Int32(part)
            next[position] += 1
        }
        let result = gpu.tensor(shape, dtype, for: "scattered")
        gpu.launch(
            "scattered", "indexing", "scattered_\(dtype)", count: shape.elementCount, self,
            gpu.upload(starts, for: "scattered"), gpu.upload(parts, for: "scattered"), result, outer, size,
            positions.count, inner)
        return result
    }

    /// For each row along the last axis the elements at that row's positions.
    func chosenOnGPU(_ positions: Tensor) -> Tensor {
        let gpu = gpu!
        let places = positions.on(gpu).converted(to: .int32)
        let (size, count) = (shape[rank - 1], positions.shape[rank - 1])
        let result = gpu.tensor(positions.shape, dtype, for: "chosen")
        let wrong = gpu.doing("chosen") {
            try gpu.complaints.place { number in
                "chosen: \(places.int32s[number]) is not a position in rows of \(size)"
            }
        }
        gpu.launch(
            "chosen", "indexing", "chosen_\(elementBits)", count: positions.elementCount, self, places, result, wrong,
            positions.elementCount / max(count, 1), size, count)
        return result
    }

    /// 1 at each label and 0 elsewhere, along a new last axis.
    func oneHotOnGPU(classes: Int, _ dtype: DType) -> Tensor {
        let gpu = gpu!
        let labels = converted(to: .int32)
        let working: DType = dtype == .float64 ? .float64 : .float32
        let result = gpu.tensor(Shape(shape.sizes + [classes]), working, for: "oneHot")
        let wrong = gpu.doing("oneHot") {
            try gpu.complaints.place { row in
                "oneHot: the label \(labels.int32s[row]) is not one of \(classes) classes, 0 to \(classes - 1)"
            }
        }
        gpu.launch(
            "oneHot", "indexing", "one_hot_\(working)", count: result.elementCount, labels, result, wrong, elementCount,
            classes)
        return result.converted(to: dtype)
    }
}
