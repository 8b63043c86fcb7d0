/// The product of matrices: `[rows, inner]` by `[inner, columns]`.
///
/// Axes before the last two are a batch and broadcast. A vector counts as a row on the left and as a column on the
/// right, and the result has no axis for it.
public func matmul(_ left: Tensor, _ right: Tensor) -> Tensor {
    guard left.rank > 0, right.rank > 0 else { fail("matmul: \(left.shape) and \(right.shape) are not both matrices") }
    let a = left.rank == 1 ? left.expanded(at: 0) : left
    let b = right.rank == 1 ? right.expanded(at: 1) : right
    guard a.shape[a.rank - 1] == b.shape[b.rank - 2] else {
        fail(
            "matmul: \(left.shape) and \(right.shape) do not fit (\(a.shape[a.rank - 1]) ≠ \(b.shape[b.rank - 2]))")
    }
    var result = product(a, b)
    if right.rank == 1 { result = result.squeezed(at: -1) }
    if left.rank == 1 { result = result.squeezed(at: right.rank == 1 ? -1 : -2) }
    return result
}

/// The product of matrices that may each be meant transposed. The gradients are such products again.
func product(_ left: Tensor, _ right: Tensor, transposeLeft: Bool = false, transposeRight: Bool = false) -> Tensor {
    let dtype = left.dtype.combined(with: right.dtype) == .float64 ? DType.float64 : .float32
    let (a, b) = (left.converted(to: dtype), right.converted(to: dtype))
    let (aRows, aColumns) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
    let (bRows, bColumns) = (b.shape[b.rank - 2], b.shape[b.rank - 1])
    let (rows, inner) = transposeLeft ? (aColumns, aRows) : (aRows, aColumns)
    let (innerRight, columns) = transposeRight ? (bColumns, bRows) : (bRows, bColumns)
    // Two plain matrices are the usual case, which gets by without arrays for a batch.
    let isBatched = a.rank > 2 || b.rank > 2
    let leftBatch = isBatched ? Shape(a.shape.dropLast(2)) : []
    let rightBatch = isBatched ? Shape(b.shape.dropLast(2)) : []
    guard inner == innerRight, let batch = leftBatch.broadcast(with: rightBatch) else {
        fail("matmul: \(left.shape) and \(right.shape) do not fit")
    }
    let shape = isBatched ? Shape(batch.sizes + [rows, columns]) : [rows, columns]
    if a.isShapeOnly || b.isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
    let plan = BroadcastPlan(leftBatch, rightBatch, batch)
    if a.isOnGPU || b.isOnGPU {
        return productOnGPU(a, b, transposeLeft: transposeLeft, transposeRight: transposeRight, shape, plan)
            .recordedProduct(left, right, transposeLeft: transposeLeft, transposeRight: transposeRight)
    }
    let result = Tensor(uninitialized: shape, dtype)
    // Where the batch's matrices lie: the plan's inner run steps as the operands do.
    func offsets(_ number: Int) -> (Int, Int) {
        let (run, position) = number.quotientAndRemainder(dividingBy: plan.inner)
        let start = plan.offsets(run)
        return (start.left + position * plan.leftStep, start.right + position * plan.rightStep)
    }
    let count = batch.elementCount
    if dtype == .float32 {
        let (x, y, z) = (a.floats, b.floats, result.floats)
        func multiply(_ number: Int, alone: Bool) {
            let (i, j) = offsets(number)
            let job = MatrixProduct(
                rows: rows, columns: columns, inner: inner, left: x + i * aRows * aColumns, leftStride: aColumns,
                transposeLeft: transposeLeft, right: y + j * bRows * bColumns, rightStride: bColumns,
                transposeRight: transposeRight, result: z + number * rows * columns, resultStride: columns)
            if alone { job.run() } else { job.runInTiles() }
        }
        if count >= 4 {
            parallel(count, grain: max(1, 131_072 / max(rows * columns * inner, 1))) {
                for number in $0 { multiply(number, alone: true) }
            }
        } else {
            for number in 0..<count { multiply(number, alone: false) }
        }
    } else {
        let (x, y, z) = (a.pointer(Double.self), b.pointer(Double.self), result.pointer(Double.self))
        for number in 0..<count {
            let (i, j) = offsets(number)
            multiplyPlainly(
                x + i * aRows * aColumns, transposeLeft, y + j * bRows * bColumns, transposeRight,
                z + number * rows * columns, rows, columns, inner)
        }
    }
    return result.recordedProduct(left, right, transposeLeft: transposeLeft, transposeRight: transposeRight)
}

extension Tensor {
    /// The way back of a product.
    fileprivate func recordedProduct(
        _ left: Tensor, _ right: Tensor, transposeLeft: Bool, transposeRight: Bool
    ) -> Tensor {
        recorded(left, right) { gradient in
            (
                left.ifTracked(gradient) {
                    let own =
                        transposeLeft
                        ? product(right, $0, transposeLeft: transposeRight, transposeRight: true)
                        : product($0, right, transposeRight: !transposeRight)
                    return own.summed(to: left.shape)
                },
                right.ifTracked(gradient) {
                    let own =
                        transposeRight
                        ? product($0, left, transposeLeft: true, transposeRight: transposeLeft)
                        : product(left, $0, transposeLeft: !transposeLeft)
                    return own.summed(to: right.shape)
                }
            )
        }
    }
}

/// A fully connected layer: `x · weightᵀ + bias`. x `[…, inputs]`, weight `[outputs, inputs]`, bias `[outputs]`.
public func dense(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
    guard weight.rank == 2, x.rank >= 1, x.shape[x.rank - 1] == weight.shape[1] else {
        let turned = Shape(weight.shape.reversed())
        let sizes = x.rank > 0 && weight.rank == 2 ? " (\(x.shape[x.rank - 1]) ≠ \(weight.shape[1]))" : ""
        fail("matmul: \(x.shape) and \(turned) do not fit\(sizes)")
    }
    if x.rank != 2 {
        let flat = dense(x.reshaped(-1, x.shape[x.rank - 1]), weight: weight, bias: bias)
        return flat.reshaped(to: Shape(x.shape.dropLast() + [weight.shape[0]]))
    }
    guard let bias else { return product(x, weight, transposeRight: true) }
    guard bias.shape == [weight.shape[0]] else {
        fail("dense: the bias \(bias.shape) does not fit the weight \(weight.shape)")
    }
    let (batch, inputs, outputs) = (x.shape[0], weight.shape[1], weight.shape[0])
    guard x.dtype == .float32, weight.dtype == .float32, !x.isShapeOnly, !weight.isShapeOnly, !bias.isShapeOnly,
        !x.isOnGPU, !weight.isOnGPU, !bias.isOnGPU
    else {
        return product(x, weight, transposeRight: true) + bias
    }
    let result = Tensor(uninitialized: [batch, outputs])
    let offsets = bias.converted(to: .float32)
    MatrixProduct(
        rows: batch, columns: outputs, inner: inputs, left: x.floats, leftStride: inputs, transposeLeft: false,
        right: weight.floats, rightStride: inputs, transposeRight: true, result: result.floats, resultStride: outputs,
        columnBias: offsets.floats
    ).runInTiles()
    return result.recorded(from: [x, weight, bias]) { gradient in
        [
            x.ifTracked(gradient) { product($0, weight) },
            weight.ifTracked(gradient) { product($0, x, transposeLeft: true) },
            bias.ifTracked(gradient) { batch == 1 ? $0.reshaped(to: [outputs]) : $0.sum(axis: 0) },
        ]
    }
}
