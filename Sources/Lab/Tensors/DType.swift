/// What one element of a tensor is.
public enum DType: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    /// The working type: everything is fast in it.
    case float32
    /// For checking gradients: everything works in it, at the speed of plain loops.
    case float64
    /// Labels and indices.
    case int32
    /// Pixels as they lie in files.
    case uint8
    /// The results of comparisons.
    case bool
    /// Storage of half the size, with the range of `float32` and 8 bits of precision; convert it to compute.
    case bfloat16

    /// Bytes an element takes.
    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .float64: 8
        case .uint8, .bool: 1
        case .bfloat16: 2
        }
    }

    /// Whether derivatives exist for tensors of this type.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .bfloat16: true
        case .int32, .uint8, .bool: false
        }
    }

    public var description: String { rawValue }

    /// The type of what is computed from elements of this type: `bfloat16` is for storage alone.
    var computed: DType { self == .bfloat16 ? .float32 : self }

    /// The type in which two are combined: the wider one, and a floating-point one where either is.
    func combined(with other: DType) -> DType {
        if self == other { return self }
        if self == .float64 || other == .float64 { return .float64 }
        if isFloatingPoint || other.isFloatingPoint { return .float32 }
        return self == .int32 || other == .int32 ? .int32 : .uint8
    }
}
