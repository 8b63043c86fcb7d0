internal import CKernels

#if canImport(Glibc)
    internal import Glibc
#endif

/// max(x, 0). At 0 the gradient is 0. NaN stays, so that it is noticed.
public func relu(_ x: Tensor) -> Tensor { traced("relu") { rectified(x) } }

private func rectified(_ x: Tensor) -> Tensor {
    if let result = x.handle.pending?.rectified() { return result }
    return x.floating.mapped(.relu, KernelsRectify, { $0 < 0 ? 0 : $0 }).recordedWithResult(x) { gradient, y in
        if gradient.isTracked { return gradient * (y .> 0).converted(to: gradient.dtype) }
        return Tensor.combined(
            "relu", .wherePositive, gradient, y.withoutGradient(), KernelsPassPositive, { $1 > 0 ? $0 : 0 })
    }
}

/// 1 / (1 + exp(-x)), without overflow at either end.
public func sigmoid(_ x: Tensor) -> Tensor {
    traced("sigmoid") {
        x.floating.mapped(.sigmoid, KernelsSigmoid, { 0.5 * Glibc.tanh(0.5 * $0) + 0.5 })
            .recordedWithResult(x) { $0 * $1 * (1 - $1) }
    }
}

/// The hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor {
    traced("tanh") {
        x.floating.mapped(.tanh, KernelsTanh, { Glibc.tanh($0) }).recordedWithResult(x) { $0 * (1 - $1.squared()) }
    }
}

/// x where it is positive, else `slope` · x.
public func leakyReLU(_ x: Tensor, slope: Double = 0.01) -> Tensor {
    traced("leakyReLU") { maximum(x, 0) + slope * minimum(x, 0) }
}

/// x where it is positive, else `scale` · (exp(x) - 1) (Clevert et al., 2015).
public func elu(_ x: Tensor, scale: Double = 1) -> Tensor {
    traced("elu") { relu(x) + scale * (minimum(x, 0).exp() - 1) }
}

/// x · Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel, 2016).
public func gelu(_ x: Tensor) -> Tensor {
    traced("gelu") { 0.5 * x * (1 + (x * 0.5.squareRoot()).erf()) }
}

/// x · sigmoid(x).
public func silu(_ x: Tensor) -> Tensor {
    traced("silu") { x * sigmoid(x) }
}

/// log(1 + exp(x)), exact at both ends.
public func softplus(_ x: Tensor) -> Tensor {
    traced("softplus") { relu(x) + (-x.magnitude()).exp().log1p() }
}

extension Tensor {
    /// The error function, 2 / √π · ∫₀ˣ exp(-t²) dt.
    public func erf() -> Tensor {
        let x = floating
        return x.mapped(.erf, { erff($0) }, { Glibc.erf($0) }).recorded(x) {
            $0 * (2 / Double.pi.squareRoot()) * (-x.squared()).exp()
        }
    }
}

/// exp(x) / Σ exp(x) along an axis.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    traced("softmax") {
        let axis = x.axis(axis, "softmax")
        return normalizedExponentials(x, axis, logarithm: false).recordedWithResult(x) { gradient, y in
            let product = gradient * y
            return product - y * product.sum(axis: axis, keepDims: true)
        }
    }
}

/// The logarithm of softmax, exact where softmax itself would be 0.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    traced("logSoftmax") {
        let axis = x.axis(axis, "logSoftmax")
        return normalizedExponentials(x, axis, logarithm: true).recordedWithResult(x) { gradient, y in
            gradient - y.exp() * gradient.sum(axis: axis, keepDims: true)
        }
    }
}

private func normalizedExponentials(_ x: Tensor, _ axis: Int, logarithm: Bool) -> Tensor {
    let x = x.floating.withoutGradient()
    if x.isShapeOnly { return x }
    if x.isOnGPU { return normalizedExponentialsOnGPU(x, axis, logarithm: logarithm) }
    let result = Tensor(uninitialized: x.shape, x.dtype)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let size = x.shape[axis]
    @inline(__always)
    func run<Scalar: BinaryFloatingPoint>(
        _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ exp: (Scalar) -> Scalar,
        _ log: (Scalar) -> Scalar
    ) {
        parallel(x.elementCount / max(size, 1), grain: max(1, 4096 / max(size, 1))) { rows in
            for row in rows {
                let base = row / inner * size * inner + row % inner
                var largest = -Scalar.infinity
                for i in 0..<size { largest = max(largest, source[base + i * inner]) }
                var sum: Scalar = 0
                for i in 0..<size {
                    let value = exp(source[base + i * inner] - largest)
                    target[base + i * inner] = value
                    sum += value
                }
                if logarithm {
                    let shift = largest + log(sum)
                    for i in 0..<size { target[base + i * inner] = source[base + i * inner] - shift }
                } else {
                    let scale = 1 / sum
                    for i in 0..<size { target[base + i * inner] *= scale }
                }
            }
        }
    }
    if x.dtype == .float64 {
        run(x.pointer(Double.self), result.pointer(Double.self), { Glibc.exp($0) }, { Glibc.log($0) })
    } else {
        run(x.floats, result.floats, { expf($0) }, { logf($0) })
    }
    return result
}
