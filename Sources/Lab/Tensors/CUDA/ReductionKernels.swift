extension Tensor {
    /// Along the middle one of three axes, in one launch or, where the axis is long, in two. How it is cut depends on the
    /// extent alone.
    private func reducedOnGPU(
        _ operation: String, _ extent: Extent, _ shape: Shape, _ launch: (Tensor, Tensor, Extent, _ piece: Int) -> Void
    ) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: operation)
        // A thread block adds 256 numbers at once; a column has a thread of its own.
        let piece = extent.inner == 1 ? 65_536 : 1_024
        let pieces = (extent.size + piece - 1) / piece
        guard pieces > 1 else {
            launch(self, result, extent, max(extent.size, 1))
            return result
        }
        let parts = gpu.tensor([extent.outer, pieces, extent.inner], dtype, for: operation)
        launch(self, parts, extent, piece)
        launch(parts, result, Extent(outer: extent.outer, size: pieces, inner: extent.inner), pieces)
        return result
    }

    func summedOnGPU(_ extent: Extent, _ shape: Shape) -> Tensor {
        let gpu = gpu!
        // A sum of nothing: the kernels would write no piece.
        if extent.size == 0 { return .zeros(shape, dtype: dtype, on: gpu) }
        return reducedOnGPU("sum", extent, shape) { source, target, extent, piece in
            let rows = extent.outer * ((extent.size + piece - 1) / piece)
            if extent.inner == 1 {
                gpu.launch(
                    "sum", "reductions", "sum_rows_\(dtype)",
                    blocks: (gpu.device.blocks(rows * CUDADevice.block), 1, 1),
                    source, target, extent.outer, extent.size, piece)
            } else {
                gpu.launch(
                    "sum", "reductions", "sum_columns_\(dtype)", count: rows * extent.inner, source, target,
                    extent.outer, extent.size, extent.inner, piece)
            }
        }
    }

    /// `kernel` is `largest` or `smallest`.
    func extremeOnGPU(_ kernel: String, _ extent: Extent, _ shape: Shape) -> Tensor {
        let gpu = gpu!
        return reducedOnGPU(kernel, extent, shape) { source, target, extent, piece in
            gpu.launch(
                kernel, "reductions", "\(kernel)_\(dtype)",
                count: extent.outer * ((extent.size + piece - 1) / piece) * extent.inner, source, target, extent.outer,
                extent.size, extent.inner, piece)
        }
    }

    /// `operation` is `argmax` or `argmin`. Whole numbers are compared as `float64`, which holds them exactly.
    func positionOnGPU(_ operation: String, _ extent: Extent, _ shape: Shape) -> Tensor {
        let gpu = gpu!
        let x = dtype.isFloatingPoint ? floating : converted(to: .float64)
        let result = gpu.tensor(shape, .int32, for: operation)
        if extent.wantsBlocks {
            gpu.launch(
                operation, "reductions", "\(operation)_blocks_\(x.dtype)",
                blocks: (gpu.device.blocks(shape.elementCount * CUDADevice.block), 1, 1), x, result, extent.outer,
                extent.size, extent.inner)
        } else {
            gpu.launch(
                operation, "reductions", "\(operation)_\(x.dtype)", count: shape.elementCount, x, result, extent.outer,
                extent.size, extent.inner)
        }
        return result
    }

    func cumulativeSumOnGPU(_ extent: Extent) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: "cumulativeSum")
        gpu.launch(
            "cumulativeSum", "reductions", "cumulative_sum_\(dtype)", count: extent.outer * extent.inner, self, result,
            extent.outer, extent.size, extent.inner)
        return result
    }

    /// The extent of one axis of this tensor.
    func extent(_ axis: Int) -> Extent {
        Extent(
            outer: shape[..<axis].reduce(1, *), size: shape[axis], inner: shape[(axis + 1)...].reduce(1, *))
    }
}

extension Extent {
    /// Whether a block for each result is better than a thread: where an axis has numbers for all threads of a block,
    /// and they lie side by side or there are too few results for a thread each to keep a card busy. The size alone
    /// decides, so the order of sums does not depend on the card.
    var wantsBlocks: Bool { size >= CUDADevice.block && (inner == 1 || outer * inner < 32 * CUDADevice.block) }
}
