internal import CKernels

#if canImport(Glibc)
    internal import Glibc
#endif

extension Tensor {
    /// The type in which functions like `exp` compute.
    var floating: Tensor {
        switch dtype {
        case .float32, .float64: self
        case .int32, .uint8, .bool, .bfloat16: converted(to: .float32)
        }
    }

    /// A function of each element. A GPU has a kernel of that name; p and q are the numbers that some want.
    @inline(__always)
    func mapped(
        _ function: ElementFunction, p: Double = 0, q: Double = 0, _ single: (Float) -> Float,
        _ double: (Double) -> Double
    ) -> Tensor {
        let x = floating
        if x.isShapeOnly { return Tensor(shapeOnly: shape, x.dtype) }
        if x.isOnGPU { return x.mappedOnGPU(function, p, q) }
        let result = Tensor(uninitialized: shape, x.dtype)
        if x.dtype == .float64 {
            mapElements(x.pointer(Double.self), result.pointer(Double.self), elementCount, double)
        } else {
            mapElements(x.floats, result.floats, elementCount, single)
        }
        return result
    }

    /// A function of each element that has a vector kernel.
    func mapped(_ name: ElementFunction, _ function: KernelsFunction, _ double: (Double) -> Double) -> Tensor {
        let x = floating
        if x.isShapeOnly { return Tensor(shapeOnly: shape, x.dtype) }
        if x.isOnGPU { return x.mappedOnGPU(name, 0, 0) }
        let result = Tensor(uninitialized: shape, x.dtype)
        if x.dtype == .float64 {
            mapElements(x.pointer(Double.self), result.pointer(Double.self), elementCount, double)
        } else {
            let (source, target) = (x.floats, result.floats)
            parallel(elementCount, grain: 16384) {
                kernels_table().pointee.map(
                    function, source + $0.lowerBound, Int64($0.count), target + $0.lowerBound)
            }
        }
        return result
    }

    /// A function of pairs of elements, broadcast, that has a vector kernel.
    @inline(__always)
    static func combined(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor, _ pairing: KernelsPairing,
        _ double: (Double, Double) -> Double
    ) -> Tensor {
        if left.isOnGPU || right.isOnGPU { return combinedOnGPU(operation, function, left, right) }
        guard left.dtype == .float32, right.dtype == .float32, !left.isShapeOnly, !right.isShapeOnly,
            let shape = left.shape.broadcast(with: right.shape)
        else { return combinedPlainly(operation, left, right, double) }
        let result = Tensor(uninitialized: shape)
        combineFloats(
            pairing, left.floats, right.floats, result.floats,
            BroadcastPlan(left.shape, right.shape, shape))
        return result
    }

    /// The same for other types, computed as `Double`, which holds whole numbers exactly.
    private static func combinedPlainly(
        _ operation: String, _ left: Tensor, _ right: Tensor, _ double: (Double, Double) -> Double
    ) -> Tensor {
        guard let shape = left.shape.broadcast(with: right.shape) else {
            fail("\(operation): \(left.shape) and \(right.shape) do not fit together")
        }
        let dtype = left.dtype.combined(with: right.dtype).computed
        if left.isShapeOnly || right.isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        let (a, b) = (left.converted(to: .float64), right.converted(to: .float64))
        let result = Tensor(uninitialized: shape, .float64)
        combineElements(
            a.pointer(Double.self), b.pointer(Double.self), result.pointer(Double.self),
            BroadcastPlan(left.shape, right.shape, shape), double)
        return result.converted(to: dtype)
    }

    /// A function of pairs of elements, broadcast. Whole numbers are combined as `Double`, which holds them exactly, and
    /// results beyond the range of their type go to its end.
    @inline(__always)
    static func combined(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor,
        _ single: (Float, Float) -> Float, _ double: (Double, Double) -> Double
    ) -> Tensor {
        if left.isOnGPU || right.isOnGPU { return combinedOnGPU(operation, function, left, right) }
        let dtype = left.dtype.combined(with: right.dtype).computed
        guard dtype == .float32 || dtype == .bfloat16, !left.isShapeOnly, !right.isShapeOnly,
            let shape = left.shape.broadcast(with: right.shape)
        else { return combinedPlainly(operation, left, right, double) }
        let (a, b) = (left.converted(to: .float32), right.converted(to: .float32))
        let result = Tensor(uninitialized: shape)
        combineElements(a.floats, b.floats, result.floats, BroadcastPlan(left.shape, right.shape, shape), single)
        return result
    }

    /// A condition on pairs of elements, broadcast.
    @inline(__always)
    static func compared(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor,
        _ single: (Float, Float) -> Bool, _ double: (Double, Double) -> Bool
    ) -> Tensor {
        if left.isOnGPU || right.isOnGPU { return comparedOnGPU(operation, function, left, right) }
        guard let shape = left.shape.broadcast(with: right.shape) else {
            fail("\(operation): \(left.shape) and \(right.shape) do not fit together")
        }
        if left.isShapeOnly || right.isShapeOnly { return Tensor(shapeOnly: shape, .bool) }
        let plan = BroadcastPlan(left.shape, right.shape, shape)
        let result = Tensor(uninitialized: shape, .bool)
        let target = result.pointer(UInt8.self)
        if left.dtype == .float32, right.dtype == .float32 {
            combineElements(left.floats, right.floats, target, plan) { single($0, $1) ? 1 : 0 }
        } else {
            let (a, b) = (left.converted(to: .float64), right.converted(to: .float64))
            combineElements(a.pointer(Double.self), b.pointer(Double.self), target, plan) { double($0, $1) ? 1 : 0 }
        }
        return result
    }

    /// A number as a tensor that takes this one's type.
    func constant(_ value: Double) -> Tensor {
        let isWhole = !dtype.isFloatingPoint && value == value.rounded() && value.magnitude < 0x1p31
        let type = dtype.isFloatingPoint ? dtype : isWhole ? DType.int32 : .float32
        return isOnGPU ? gpu!.constant(value, type) : Tensor.full([], value, dtype: type, on: nil)
    }

    /// The sum over the axes that broadcasting stretched: the gradient of what was stretched.
    func summed(to shape: Shape) -> Tensor {
        if self.shape == shape { return self }
        let missing = rank - shape.rank
        let axes = (0..<rank).filter { $0 < missing || (shape[$0 - missing] == 1 && self.shape[$0] != 1) }
        return sum(axes: axes, keepDims: true).reshaped(to: shape)
    }
}

// MARK: - Arithmetic

extension Tensor {
    public static func + (left: Tensor, right: Tensor) -> Tensor {
        combined("+", .add, left, right, KernelsAdd, { $0 + $1 }).recorded(left, right) {
            (left.ifTracked($0) { $0.summed(to: left.shape) }, right.ifTracked($0) { $0.summed(to: right.shape) })
        }
    }

    public static func - (left: Tensor, right: Tensor) -> Tensor {
        combined("-", .subtract, left, right, KernelsSubtract, { $0 - $1 }).recorded(left, right) {
            (
                left.ifTracked($0) { $0.summed(to: left.shape) },
                right.ifTracked($0) { (-$0).summed(to: right.shape) }
            )
        }
    }

    /// The products of the elements; for the product of matrices see `matmul`.
    public static func * (left: Tensor, right: Tensor) -> Tensor {
        combined("*", .multiply, left, right, KernelsMultiply, { $0 * $1 }).recorded(left, right) {
            (
                left.ifTracked($0) { ($0 * right).summed(to: left.shape) },
                right.ifTracked($0) { ($0 * left).summed(to: right.shape) }
            )
        }
    }

    /// The quotients of the elements. Of whole numbers too these are fractions, `float32`.
    public static func / (left: Tensor, right: Tensor) -> Tensor {
        let (left, right) = (left.floating, right.floating)
        return combined("/", .divide, left, right, KernelsDivide, { $0 / $1 }).recorded(left, right) {
            (
                left.ifTracked($0) { ($0 / right).summed(to: left.shape) },
                right.ifTracked($0) { (-$0 * left / (right * right)).summed(to: right.shape) }
            )
        }
    }

    /// What is left of a division to a whole quotient, with the sign of the dividend, as Swift's `%` is for integers:
    /// `labels % 2`. By 0 it is NaN, and 0 among whole numbers.
    public static func % (left: Tensor, right: Tensor) -> Tensor {
        combined(
            "%", .remainder, left, right, { $0.truncatingRemainder(dividingBy: $1) },
            { $0.truncatingRemainder(dividingBy: $1) }
        ).recorded(left, right) {
            (
                left.ifTracked($0) { $0.summed(to: left.shape) },
                right.ifTracked($0) {
                    let quotient = (left / right).mapped(
                        .truncated, { $0.rounded(.towardZero) }, { $0.rounded(.towardZero) })
                    return (-$0 * quotient).summed(to: right.shape)
                }
            )
        }
    }

    public static prefix func - (x: Tensor) -> Tensor {
        x.dtype.isFloatingPoint ? x.mapped(.negative, KernelsNegate, { -$0 }).recorded(x) { -$0 } : x * -1
    }

    public static func += (left: inout Tensor, right: Tensor) { left = left + right }
    public static func -= (left: inout Tensor, right: Tensor) { left = left - right }
    public static func *= (left: inout Tensor, right: Tensor) { left = left * right }
    public static func /= (left: inout Tensor, right: Tensor) { left = left / right }

    /// A gradient for this operand, if it was tracked when the operation was recorded.
    func ifTracked(_ gradient: Tensor, _ compute: (Tensor) -> Tensor) -> Tensor? {
        node == nil ? nil : compute(gradient)
    }

    /// A function of each element whose derivative is written with tensors. `derivative` gets the operand.
    @inline(__always)
    private func differentiable(
        _ function: ElementFunction, p: Double = 0, q: Double = 0, _ single: (Float) -> Float,
        _ double: (Double) -> Double, derivative: @escaping (Tensor) -> Tensor
    ) -> Tensor {
        let x = floating
        return x.mapped(function, p: p, q: q, single, double).recorded(x) { $0 * derivative(x) }
    }

    private func differentiable(
        _ name: ElementFunction, _ function: KernelsFunction, _ double: (Double) -> Double,
        derivative: @escaping (Tensor) -> Tensor
    ) -> Tensor {
        let x = floating
        return x.mapped(name, function, double).recorded(x) { $0 * derivative(x) }
    }

    /// e to the power of each element.
    public func exp() -> Tensor {
        let x = floating
        return x.mapped(.exp, KernelsExp, { Glibc.exp($0) }).recordedWithResult(x) { $0 * $1 }
    }
    /// The natural logarithm.
    public func log() -> Tensor {
        let x = floating
        return x.mapped(.log, KernelsLog, { Glibc.log($0) }).recorded(x) { $0 / x }
    }
    /// The logarithm of 1 + x, exact for small x.
    public func log1p() -> Tensor {
        let x = floating
        return x.mapped(.log1p, { log1pf($0) }, { Glibc.log1p($0) }).recorded(x) { $0 / (x + 1) }
    }
    /// The square root.
    public func squareRoot() -> Tensor {
        differentiable(
            .squareRoot, KernelsSquareRoot, { $0.squareRoot() }, derivative: { 0.5 / $0.squareRoot() })
    }
    public func sin() -> Tensor { differentiable(.sin, { sinf($0) }, { Glibc.sin($0) }, derivative: { $0.cos() }) }
    public func cos() -> Tensor { differentiable(.cos, { cosf($0) }, { Glibc.cos($0) }, derivative: { -$0.sin() }) }
    /// Each element times itself.
    public func squared() -> Tensor {
        mapped(.squared, KernelsSquare, { $0 * $0 }).recorded(self) { $0 * (self * 2) }
    }
    /// The absolute values; at 0 the gradient is 0.
    public func magnitude() -> Tensor {
        differentiable(.magnitude, KernelsMagnitude, { $0.magnitude }, derivative: { $0.sign() })
    }
    /// -1, 0 or 1.
    public func sign() -> Tensor {
        floating.mapped(.sign, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 })
    }
    /// The next smaller whole number; the gradient is 0.
    public func floor() -> Tensor { floating.mapped(.floor, { $0.rounded(.down) }, { $0.rounded(.down) }) }
    /// The next larger whole number; the gradient is 0.
    public func ceil() -> Tensor { floating.mapped(.ceil, { $0.rounded(.up) }, { $0.rounded(.up) }) }
    /// The nearest whole number, halves to the even one; the gradient is 0.
    public func rounded() -> Tensor {
        floating.mapped(.rounded, { $0.rounded(.toNearestOrEven) }, { $0.rounded(.toNearestOrEven) })
    }

    /// Each element to the given power.
    public func power(_ exponent: Double) -> Tensor {
        differentiable(
            .power, p: exponent, { powf($0, Float(exponent)) }, { pow($0, exponent) },
            derivative: { exponent * $0.power(exponent - 1) })
    }

    /// Each element to the power of the one in `exponent`, broadcast.
    public func power(_ exponent: Tensor) -> Tensor {
        let (x, exponent) = (floating, exponent.floating)
        return Tensor.combined("power", .power, x, exponent, { powf($0, $1) }, { pow($0, $1) }).recorded(x, exponent) {
            (
                x.ifTracked($0) { ($0 * exponent * x.power(exponent - 1)).summed(to: x.shape) },
                exponent.ifTracked($0) { ($0 * x.power(exponent) * x.log()).summed(to: exponent.shape) }
            )
        }
    }

    /// Each element, but at least the lower and at most the upper bound; outside the gradient is 0. NaN stays.
    public func clamped(_ bounds: ClosedRange<Double>) -> Tensor {
        let (low, high) = (bounds.lowerBound, bounds.upperBound)
        return differentiable(
            .clamped, p: low, q: high, { min(max($0, Float(low)), Float(high)) }, { min(max($0, low), high) },
            derivative: { ((low .<= $0) .&& ($0 .<= high)).converted(to: $0.dtype) })
    }
}

/// The larger of each pair of elements, broadcast; NaN where one of them is NaN. Where they are equal the gradient is
/// halved.
public func maximum(_ left: Tensor, _ right: Tensor) -> Tensor {
    chosen("maximum", left, right, Tensor.combined("maximum", .maximum, left, right, KernelsMaximum, larger))
}

/// The smaller of each pair of elements, broadcast; NaN where one of them is NaN. Where they are equal the gradient is
/// halved.
public func minimum(_ left: Tensor, _ right: Tensor) -> Tensor {
    chosen("minimum", left, right, Tensor.combined("minimum", .minimum, left, right, KernelsMinimum, smaller))
}

/// Not `max`, which loses NaN on one side.
@inline(__always)
func larger<Scalar: FloatingPoint>(_ a: Scalar, _ b: Scalar) -> Scalar { a > b || a.isNaN ? a : b }

@inline(__always)
func smaller<Scalar: FloatingPoint>(_ a: Scalar, _ b: Scalar) -> Scalar { a < b || a.isNaN ? a : b }

private func chosen(_ name: String, _ left: Tensor, _ right: Tensor, _ result: Tensor) -> Tensor {
    result.recorded(left, right) { gradient in
        let isLeft = (result .== left).converted(to: gradient.dtype)
        let isRight = (result .== right).converted(to: gradient.dtype)
        let share = gradient / (isLeft + isRight)
        return (
            left.ifTracked(share) { ($0 * isLeft).summed(to: left.shape) },
            right.ifTracked(share) { ($0 * isRight).summed(to: right.shape) }
        )
    }
}

/// Elements of `left` where the condition holds, else of `right`; all three are broadcast.
public func `where`(_ condition: Tensor, _ left: Tensor, _ right: Tensor) -> Tensor {
    let holds = (condition .!= 0).converted(to: left.dtype.combined(with: right.dtype))
    // A product with 0 would let NaN through, so the choice is made by comparing and not by arithmetic.
    let shape = left.shape.broadcast(with: right.shape)?.broadcast(with: condition.shape)
    guard let shape else {
        fail("where: \(condition.shape), \(left.shape) and \(right.shape) do not fit together")
    }
    let one = Tensor.combined(
        "where", .whereNonzero, holds, left.withoutGradient(), { $0 != 0 ? $1 : 0 }, { $0 != 0 ? $1 : 0 })
    let other = Tensor.combined(
        "where", .whereZero, holds, right.withoutGradient(), { $0 == 0 ? $1 : 0 }, { $0 == 0 ? $1 : 0 })
    let result = Tensor.combined("where", .add, one, other, { $0 + $1 }, { $0 + $1 }).broadcast(to: shape)
    return result.recorded(left, right) { gradient in
        let zero = gradient.constant(0)
        return (
            left.ifTracked(gradient) { `where`(condition, $0, zero).summed(to: left.shape) },
            right.ifTracked(gradient) { `where`(condition, zero, $0).summed(to: right.shape) }
        )
    }
}

// MARK: - Comparison

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence

extension Tensor {
    /// Element by element, a `bool` tensor.
    public static func .== (left: Tensor, right: Tensor) -> Tensor { compared(".==", .equal, left, right, ==, ==) }
    public static func .!= (left: Tensor, right: Tensor) -> Tensor { compared(".!=", .notEqual, left, right, !=, !=) }
    public static func .< (left: Tensor, right: Tensor) -> Tensor { compared(".<", .less, left, right, <, <) }
    public static func .<= (left: Tensor, right: Tensor) -> Tensor {
        compared(".<=", .lessOrEqual, left, right, <=, <=)
    }
    public static func .> (left: Tensor, right: Tensor) -> Tensor { compared(".>", .greater, left, right, >, >) }
    public static func .>= (left: Tensor, right: Tensor) -> Tensor {
        compared(".>=", .greaterOrEqual, left, right, >=, >=)
    }
    public static func .&& (left: Tensor, right: Tensor) -> Tensor {
        compared(".&&", .both, left, right, { $0 != 0 && $1 != 0 }, { $0 != 0 && $1 != 0 })
    }
    public static func .|| (left: Tensor, right: Tensor) -> Tensor {
        compared(".||", .either, left, right, { $0 != 0 || $1 != 0 }, { $0 != 0 || $1 != 0 })
    }
    /// True where the mask is false.
    public static prefix func ! (mask: Tensor) -> Tensor { mask .== 0 }
}
