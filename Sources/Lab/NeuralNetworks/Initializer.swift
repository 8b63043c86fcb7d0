public import Tensors

/// The values that a parameter starts from.
///
/// A filter's *fan-in* is the number of inputs one output is a sum of, its *fan-out* the number of outputs one input
/// reaches.
public enum Initializer: Sendable, Hashable, Codable {
    /// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio, 2010).
    case glorot
    /// Normal with variance 2 / fan-in, for networks with ReLU (He et al., 2015).
    case he
    /// Uniform with variance 1 / fan-in: ±√(3 / fan-in) (LeCun et al., "Efficient BackProp", 1998). Caffe, and so
    /// DIGITS, calls it `xavier`.
    case lecun
    /// Uniform in ±1 / √fan-in, PyTorch's choice for its layers.
    case pytorch
    /// Rows of length `gain` at right angles to each other, or columns where there are fewer (Saxe et al., 2013).
    case orthogonal(gain: Double = 1)
    case constant(Double)
    case uniform(ClosedRange<Double>)
    case normal(deviation: Double)

    /// Caffe's name for `lecun`.
    public static var xavier: Initializer { .lecun }

    /// Draws values. shape: `[outputs, inputs, …]`, as the weights of `Dense` and `Conv2D` are.
    public func values(_ shape: Shape, using generator: inout RandomGenerator) -> Tensor {
        let field = shape.dropFirst(2).reduce(1, *)
        let fanIn = Double(shape.rank > 1 ? shape[1] * field : shape.elementCount)
        let fanOut = Double(shape.rank > 0 ? shape[0] * field : 1)
        func uniform(_ bound: Double) -> Tensor { .uniform(shape, -bound...bound, using: &generator) }
        switch self {
        case .glorot: return uniform((6 / (fanIn + fanOut)).squareRoot())
        case .he: return .normal(shape, deviation: (2 / fanIn).squareRoot(), using: &generator)
        case .lecun: return uniform((3 / fanIn).squareRoot())
        case .pytorch: return uniform((1 / fanIn).squareRoot())
        case .orthogonal(let gain): return orthogonalRows(shape, gain, using: &generator)
        case .constant(let value): return .full(shape, value)
        case .uniform(let bounds): return .uniform(shape, bounds, using: &generator)
        case .normal(let deviation): return .normal(shape, deviation: deviation, using: &generator)
        }
    }
}

/// Normal numbers, made orthogonal row by row (Gram and Schmidt's way, done twice for exactness).
private func orthogonalRows(_ shape: Shape, _ gain: Double, using generator: inout RandomGenerator) -> Tensor {
    let outputs = shape.first ?? 1
    let inputs = shape.elementCount / max(outputs, 1)
    let (rows, columns) = (min(outputs, inputs), max(outputs, inputs))
    let drawn = Tensor.normal([rows, columns], using: &generator).doubles
    var basis: [[Double]] = []
    for row in 0..<rows {
        var vector = Array(drawn[row * columns..<(row + 1) * columns])
        for _ in 0..<2 {
            for other in basis {
                let share = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                for index in vector.indices { vector[index] -= share * other[index] }
            }
        }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        basis.append(vector.map { $0 / length })
    }
    let matrix = Tensor(basis.flatMap { $0 }, shape: [rows, columns]) * gain
    return (outputs <= inputs ? matrix : matrix.transposed()).reshaped(to: shape).converted(to: .float32)
}

extension Tensor {
    /// Uniform in ±√(6 / (fan-in + fan-out)), for weights `[inputs, outputs]` or `[filters, channels, height, width]`.
    public static func glorot(_ shape: Shape, seed: Int) -> Tensor {
        var generator = RandomGenerator(seed: seed)
        return Initializer.glorot.values(shape, using: &generator)
    }
}
