extension GPU {
    /// Every row of x `[outer, rows, inner]` with mean 0 and variance 1, and what it had before, both `[rows]`.
    func standardized(
        _ x: Tensor, _ rows: NormalizationRows, _ epsilon: Double
    ) -> (result: Tensor, mean: Tensor, variance: Tensor) {
        let result = tensor(x.shape, x.dtype, for: "normalisation")
        let mean = tensor([rows.rows], x.dtype, for: "normalisation")
        let variance = tensor([rows.rows], x.dtype, for: "normalisation")
        launch(
            "normalisation", "normalization", "standardize_\(x.dtype)", count: rows.rows * CUDADevice.block, x, result,
            mean, variance, rows.outer, rows.rows, rows.inner, epsilon)
        return (result, mean, variance)
    }

    /// What reaches x, from the gradient of the result y.
    func standardizedBack(
        _ gradient: Tensor, _ y: Tensor, _ variance: Tensor, _ rows: NormalizationRows, _ epsilon: Double
    ) -> Tensor {
        let result = tensor(y.shape, y.dtype, for: "gradient of normalisation")
        launch(
            "gradient of normalisation", "normalization", "standardize_back_\(y.dtype)",
            count: rows.rows * CUDADevice.block, gradient.on(self).converted(to: y.dtype), y, variance, result,
            rows.outer, rows.rows, rows.inner, epsilon)
        return result
    }
}
