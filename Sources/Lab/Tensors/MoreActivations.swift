#if canImport(Glibc)
    internal import Glibc
#endif

/// x where it is positive, else `slope` · x.
public func leakyReLU(_ x: Tensor, slope: Double = 0.01) -> Tensor { maximum(x, 0) + slope * minimum(x, 0) }

/// x where it is positive, else `scale` · (exp(x) - 1) (Clevert et al., 2015).
public func elu(_ x: Tensor, scale: Double = 1) -> Tensor { relu(x) + scale * (minimum(x, 0).exp() - 1) }

/// x · Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel, 2016).
public func gelu(_ x: Tensor) -> Tensor { 0.5 * x * (1 + (x * 0.5.squareRoot()).erf()) }

/// x · sigmoid(x).
public func silu(_ x: Tensor) -> Tensor { x * sigmoid(x) }

/// log(1 + exp(x)), exact at both ends.
public func softplus(_ x: Tensor) -> Tensor { relu(x) + (-x.magnitude()).exp().log1p() }

extension Tensor {
    /// The error function, 2 / √π · ∫₀ˣ exp(-t²) dt.
    public func erf() -> Tensor {
        let x = floating
        return x.mapped({ erff($0) }, { Glibc.erf($0) }).recorded(x) {
            $0 * (2 / Double.pi.squareRoot()) * (-x.squared()).exp()
        }
    }
}
