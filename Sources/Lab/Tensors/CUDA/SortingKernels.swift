extension Tensor {
    /// The positions of the elements along the last axis in order. Rows of up to 2,048 elements are sorted by a block
    /// each, longer ones by a launch for each step of the network.
    func argsortOnGPU(descending: Bool) -> Tensor {
        let gpu = gpu!
        let x = dtype.isFloatingPoint ? floating : converted(to: .float64)
        let result = gpu.tensor(shape, .int32, for: "argsort")
        let size = shape[rank - 1]
        guard elementCount > 0 else { return result }
        let rows = elementCount / size
        let isDescending: Int32 = descending ? 1 : 0
        var padded = 1
        while padded < size { padded *= 2 }
        if padded <= 2048 {
            gpu.launch(
                "argsort", "sorting", "sort_rows_\(x.dtype)", count: rows * CUDADevice.block, x, result, rows, size,
                Int32(padded), size, isDescending)
            return result
        }
        let order = gpu.buffer(rows * padded * 4, for: "argsort")
        gpu.launch("argsort", "sorting", "sort_start", count: rows * padded, order, rows, padded)
        var run = 2
        while run <= padded {
            var distance = run / 2
            while distance > 0 {
                gpu.launch(
                    "argsort", "sorting", "sort_step_\(x.dtype)", count: rows * padded / 2, x, order, rows, size,
                    padded,
                    run, distance, isDescending)
                distance /= 2
            }
            run *= 2
        }
        gpu.launch("argsort", "sorting", "sort_end", count: rows * size, order, result, rows, padded, size)
        return result
    }
}
