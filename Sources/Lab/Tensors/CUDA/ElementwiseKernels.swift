internal import CCUDA

/// A function of single elements, by the name of its kernel in elementwise.cu.
enum ElementFunction: String {
    case negative, exp, log, log1p, sin, cos, squared, magnitude, sign, floor, ceil, truncated, rounded, erf
    case relu, sigmoid, tanh, clamped
    case squareRoot = "square_root"
    case power = "power_number"
}

/// A function of two elements, by the name of its kernel in elementwise.cu.
enum PairFunction: String {
    case add, subtract, multiply, divide, power, maximum, minimum, remainder
    case wherePositive = "where_positive"
    case whereNonzero = "where_nonzero"
    case whereZero = "where_zero"
    // Conditions.
    case equal, less, greater, both, either
    case notEqual = "not_equal"
    case lessOrEqual = "less_or_equal"
    case greaterOrEqual = "greater_or_equal"
}

extension Tensor {
    /// A function of each element; p and q are the two numbers that some functions need.
    func mappedOnGPU(_ function: ElementFunction, _ p: Double, _ q: Double) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: function.rawValue)
        gpu.launch(
            function.rawValue, "elementwise", "\(function.rawValue)_\(dtype)", count: elementCount, self, result,
            elementCount, p, q)
        return result
    }

    /// A function of pairs of elements, broadcast. Whole numbers are combined as `float64`, as on the processor.
    static func combinedOnGPU(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor
    ) -> Tensor {
        let dtype = left.dtype.combined(with: right.dtype).computed
        let working: DType = dtype == .float32 ? .float32 : .float64
        return pairedOnGPU(operation, function, left, right, working, result: working).converted(to: dtype)
    }

    /// A condition on pairs of elements, broadcast.
    static func comparedOnGPU(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor
    ) -> Tensor {
        let working: DType = left.dtype == .float32 && right.dtype == .float32 ? .float32 : .float64
        return pairedOnGPU(operation, function, left, right, working, result: .bool)
    }

    private static func pairedOnGPU(
        _ operation: String, _ function: PairFunction, _ left: Tensor, _ right: Tensor, _ working: DType,
        result dtype: DType
    ) -> Tensor {
        guard let shape = left.shape.broadcast(with: right.shape) else {
            fail("\(operation): \(left.shape) and \(right.shape) do not fit together")
        }
        if left.isShapeOnly || right.isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        let (a, b, gpu) = together(left, right)
        let result = gpu.tensor(shape, dtype, for: operation)
        let plan = LabBroadcast(BroadcastPlan(left.shape, right.shape, shape), operation)
        gpu.launch(
            operation, "elementwise", "\(function.rawValue)_\(working)", count: shape.elementCount,
            a.converted(to: working), b.converted(to: working), result, shape.elementCount, plan)
        return result
    }

    /// The same numbers as another type.
    func convertedOnGPU(to dtype: DType) -> Tensor {
        let gpu = gpu!
        let result = gpu.tensor(shape, dtype, for: "converted")
        gpu.launch(
            "converted", "conversion", "\(self.dtype)_to_\(dtype)", count: elementCount, self, result, elementCount)
        return result
    }
}

extension LabBroadcast {
    /// Axes from the innermost out, each with how far one step along it is in either operand.
    init(_ axes: [(size: Int, left: Int, right: Int)], _ operation: String) {
        self.init()
        guard axes.count <= Int(LAB_MOST_AXES), axes.allSatisfy({ $0.size <= Int32.max }) else {
            fail(
                "\(operation): on a GPU at most \(LAB_MOST_AXES) axes of at most \(Int32.max) elements can be told apart"
            )
        }
        rank = Int32(axes.count)
        withUnsafeMutableBytes(of: &sizes) { place in
            for (axis, step) in axes.enumerated() { place.bindMemory(to: Int32.self)[axis] = Int32(step.size) }
        }
        withUnsafeMutableBytes(of: &left) { place in
            for (axis, step) in axes.enumerated() { place.bindMemory(to: Int64.self)[axis] = Int64(step.left) }
        }
        withUnsafeMutableBytes(of: &right) { place in
            for (axis, step) in axes.enumerated() { place.bindMemory(to: Int64.self)[axis] = Int64(step.right) }
        }
    }

    init(_ plan: BroadcastPlan, _ operation: String) {
        self.init([(plan.inner, plan.leftStep, plan.rightStep)] + plan.outer, operation)
    }

    /// The elements at (i · steps) for every i of the shape on the left, at (i · others) on the right.
    init(_ shape: Shape, _ steps: [Int], _ others: [Int], _ operation: String) {
        var axes: [(size: Int, left: Int, right: Int)] = []
        for axis in (0..<shape.rank).reversed() where shape[axis] != 1 {
            if let last = axes.last, steps[axis] == last.left * last.size, others[axis] == last.right * last.size {
                axes[axes.count - 1].size *= shape[axis]
            } else {
                axes.append((shape[axis], steps[axis], others[axis]))
            }
        }
        self.init(axes, operation)
    }
}
