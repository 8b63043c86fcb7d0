internal import CKernels

/// The loops under elementwise operations, for any floating-point type.

/// Two operands as runs of elements: outer axes with strides, and an inner run where each operand either advances or
/// stays.
struct BroadcastPlan {
    var outer: [(size: Int, left: Int, right: Int)] = []
    var inner = 1
    var leftStep = 1
    var rightStep = 1

    init(_ left: Shape, _ right: Shape, _ result: Shape) {
        // Most operands have the same shape, or one is a number. The general case allocates, which in a small network is
        // most of an operation's time.
        let count = result.elementCount
        let (isLeftWhole, isRightWhole) = (left.elementCount == count, right.elementCount == count)
        if (isLeftWhole || left.elementCount == 1) && (isRightWhole || right.elementCount == 1) {
            (inner, leftStep, rightStep) = (count, isLeftWhole ? 1 : 0, isRightWhole ? 1 : 0)
            return
        }
        func steps(_ shape: Shape) -> [Int] {
            let missing = result.rank - shape.rank
            let strides = shape.strides
            return (0..<result.rank).map { $0 < missing || shape[$0 - missing] == 1 ? 0 : strides[$0 - missing] }
        }
        let (leftSteps, rightSteps) = (steps(left), steps(right))
        var axes: [(size: Int, left: Int, right: Int)] = []
        for axis in (0..<result.rank).reversed() where result[axis] != 1 {
            let next = (size: result[axis], left: leftSteps[axis], right: rightSteps[axis])
            // An axis joins the one inside it where both operands run on without a gap.
            if let last = axes.last, next.left == last.left * last.size, next.right == last.right * last.size {
                axes[axes.count - 1].size *= next.size
            } else {
                axes.append(next)
            }
        }
        if let first = axes.first, first.left <= 1, first.right <= 1 {
            (inner, leftStep, rightStep) = (first.size, first.left, first.right)
            axes.removeFirst()
        }
        outer = axes
    }

    var outerCount: Int { outer.reduce(1) { $0 * $1.size } }

    /// Where the operands' run of the given number begins.
    func offsets(_ run: Int) -> (left: Int, right: Int) {
        var (rest, left, right) = (run, 0, 0)
        for axis in outer {
            let (quotient, position) = rest.quotientAndRemainder(dividingBy: axis.size)
            left += position * axis.left
            right += position * axis.right
            rest = quotient
        }
        return (left, right)
    }
}

@inline(__always)
func mapElements<From, To>(
    _ source: UnsafePointer<From>, _ target: UnsafeMutablePointer<To>, _ count: Int, _ function: (From) -> To
) {
    parallel(count, grain: 16384) { range in
        for i in range { target[i] = function(source[i]) }
    }
}

@inline(__always)
func combineElements<From, To>(
    _ left: UnsafePointer<From>, _ right: UnsafePointer<From>, _ target: UnsafeMutablePointer<To>,
    _ plan: BroadcastPlan, _ function: (From, From) -> To
) {
    @inline(__always)
    func run(_ a: UnsafePointer<From>, _ b: UnsafePointer<From>, _ to: UnsafeMutablePointer<To>, _ range: Range<Int>) {
        switch (plan.leftStep, plan.rightStep) {
        case (1, 1): for i in range { to[i] = function(a[i], b[i]) }
        case (1, _):
            let constant = b[0]
            for i in range { to[i] = function(a[i], constant) }
        case (_, 1):
            let constant = a[0]
            for i in range { to[i] = function(constant, b[i]) }
        default:
            let constant = function(a[0], b[0])
            for i in range { to[i] = constant }
        }
    }
    guard plan.inner > 0 else { return }
    if plan.outer.isEmpty {
        return parallel(plan.inner, grain: 16384) { run(left, right, target, $0) }
    }
    let inner = plan.inner
    parallel(plan.outerCount, grain: max(1, 16384 / inner)) { runs in
        for number in runs {
            let offsets = plan.offsets(number)
            run(left + offsets.left, right + offsets.right, target + number * inner, 0..<inner)
        }
    }
}

/// The same by a vector kernel.
func combineFloats(
    _ pairing: KernelsPairing, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
    _ target: UnsafeMutablePointer<Float>, _ plan: BroadcastPlan
) {
    let (inner, leftStep, rightStep) = (plan.inner, plan.leftStep, plan.rightStep)
    func run(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ range: Range<Int>
    ) {
        kernels_table().pointee.combine(
            pairing, a + range.lowerBound * leftStep, Int32(leftStep), b + range.lowerBound * rightStep,
            Int32(rightStep), Int64(range.count), to + range.lowerBound)
    }
    if plan.outer.isEmpty {
        return parallel(inner, grain: 16384) { run(left, right, target, $0) }
    }
    parallel(plan.outerCount, grain: max(1, 16384 / max(inner, 1))) { runs in
        for number in runs {
            let offsets = plan.offsets(number)
            run(left + offsets.left, right + offsets.right, target + number * inner, 0..<inner)
        }
    }
}
