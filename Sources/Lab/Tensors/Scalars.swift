// Numbers in expressions: `2 * x + 1`. The numbers are `Double`, with `Float` versions that the compiler prefers only
// where nothing else fits. With `Float` alone, or with both on equal terms, literals in long expressions take seconds
// to type-check or are ambiguous; so do literal conformances. Tests/TypeChecking measures them.

extension Tensor {
    public static func + (left: Tensor, right: Double) -> Tensor { left + left.constant(right) }
    public static func + (left: Double, right: Tensor) -> Tensor { right.constant(left) + right }
    public static func - (left: Tensor, right: Double) -> Tensor { left - left.constant(right) }
    public static func - (left: Double, right: Tensor) -> Tensor { right.constant(left) - right }
    public static func * (left: Tensor, right: Double) -> Tensor { left * left.constant(right) }
    public static func * (left: Double, right: Tensor) -> Tensor { right.constant(left) * right }
    public static func / (left: Tensor, right: Double) -> Tensor { left / left.constant(right) }
    public static func / (left: Double, right: Tensor) -> Tensor { right.constant(left) / right }

    public static func % (left: Tensor, right: Double) -> Tensor { left % left.constant(right) }

    public static func += (left: inout Tensor, right: Double) { left = left + right }
    public static func -= (left: inout Tensor, right: Double) { left = left - right }
    public static func *= (left: inout Tensor, right: Double) { left = left * right }
    public static func /= (left: inout Tensor, right: Double) { left = left / right }

    @_disfavoredOverload public static func + (left: Tensor, right: Float) -> Tensor { left + Double(right) }
    @_disfavoredOverload public static func + (left: Float, right: Tensor) -> Tensor { Double(left) + right }
    @_disfavoredOverload public static func - (left: Tensor, right: Float) -> Tensor { left - Double(right) }
    @_disfavoredOverload public static func - (left: Float, right: Tensor) -> Tensor { Double(left) - right }
    @_disfavoredOverload public static func * (left: Tensor, right: Float) -> Tensor { left * Double(right) }
    @_disfavoredOverload public static func * (left: Float, right: Tensor) -> Tensor { Double(left) * right }
    @_disfavoredOverload public static func / (left: Tensor, right: Float) -> Tensor { left / Double(right) }
    @_disfavoredOverload public static func / (left: Float, right: Tensor) -> Tensor { Double(left) / right }

    public static func .== (left: Tensor, right: Double) -> Tensor { left .== left.constant(right) }
    public static func .!= (left: Tensor, right: Double) -> Tensor { left .!= left.constant(right) }
    public static func .< (left: Tensor, right: Double) -> Tensor { left .< left.constant(right) }
    public static func .<= (left: Tensor, right: Double) -> Tensor { left .<= left.constant(right) }
    public static func .> (left: Tensor, right: Double) -> Tensor { left .> left.constant(right) }
    public static func .>= (left: Tensor, right: Double) -> Tensor { left .>= left.constant(right) }
    public static func .< (left: Double, right: Tensor) -> Tensor { right.constant(left) .< right }
    public static func .<= (left: Double, right: Tensor) -> Tensor { right.constant(left) .<= right }
    public static func .> (left: Double, right: Tensor) -> Tensor { right.constant(left) .> right }
    public static func .>= (left: Double, right: Tensor) -> Tensor { right.constant(left) .>= right }
}

/// The larger of each element and a number.
public func maximum(_ x: Tensor, _ value: Double) -> Tensor { maximum(x, x.constant(value)) }
/// The smaller of each element and a number.
public func minimum(_ x: Tensor, _ value: Double) -> Tensor { minimum(x, x.constant(value)) }
