/// How exactly a GPU multiplies `float32` numbers in products of matrices and in convolutions, which is where a network's
/// time goes. What is kept, weights, activations and sums, is `float32` with all of them.
///
///     settings.precision = .tf32                        // for a run
///     ProductPrecision.tf32.run { matmul(a, b) }        // for whatever is computed here
///
/// The shorter the numbers that are multiplied, the more of them a card's tensor cores take at a time. The processor has
/// none: there, and for `float64`, everything stays exact, and the same notebook runs on both.
public enum ProductPrecision: String, Sendable, Hashable, Codable, CaseIterable {
    /// All 24 bits of both factors.
    case float32
    /// 11 bits of each factor with the exponents of `float32`: NVIDIA's TensorFloat-32, from compute capability 8.0 on.
    /// A product is wrong by up to a thousandth.
    case tf32
    /// 8 bits of each factor with the exponents of `float32`. A product is wrong by up to a hundredth, which training
    /// mostly bears since the weights that it adds up are `float32`.
    case bfloat16

    /// What holds for the calling task: as the innermost `run` around says.
    @TaskLocal public static var current = ProductPrecision.float32

    /// Calls `body`, in which a GPU multiplies with this precision.
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Self.$current.withValue(self, operation: body)
    }
}
