/// What a subscript takes along one axis: a position, a range, a stride, a list of positions.
///
///     x[3]                                              // position 3, the axis disappears
///     x[-1, 2..<5]                                      // the last one; of it 2, 3 and 4
///     x[..., 0]                                         // all axes as they are, of the last one position 0
///     x[.all, .every(2)]                                // every second column
///     x[stride(from: 9, through: 0, by: -3)]            // 9, 6, 3, 0
///     x[(-2)...]                                        // the last two
///     x[[4, 0, 4]]                                      // a list of positions
///     x[.newAxis]                                       // [1, …]
///
/// Negative positions and bounds count from the end of the axis. A position or a bound that does not exist is an error:
/// nothing is cut off silently.
public protocol AxisSelection {
    var axisPart: AxisPart { get }
}

/// What is chosen along one axis, in the form that all selections are brought to.
public struct AxisPart: Sendable, AxisSelection {
    enum Form: Sendable {
        case position(Int)
        /// From a bound up to another one, which is not included; `nil` where the axis ends.
        case range(from: Int?, to: Int?, step: Int)
        /// Positions that are given one by one, by the first of them, their number and their distance.
        case positions(first: Int, count: Int, step: Int)
        case list([Int])
        case ellipsis
        case newAxis
    }
    let form: Form
    /// As it was written, for sentences.
    let text: String

    public var axisPart: AxisPart { self }
}

extension Int: AxisSelection {
    public var axisPart: AxisPart { AxisPart(form: .position(self), text: "\(self)") }
}

extension Range: AxisSelection where Bound == Int {
    public var axisPart: AxisPart {
        AxisPart(form: .range(from: lowerBound, to: upperBound, step: 1), text: "\(lowerBound)..<\(upperBound)")
    }
}

extension ClosedRange: AxisSelection where Bound == Int {
    public var axisPart: AxisPart {
        AxisPart(
            form: .range(from: lowerBound, to: after(upperBound), step: 1), text: "\(lowerBound)...\(upperBound)")
    }
}

extension PartialRangeFrom: AxisSelection where Bound == Int {
    public var axisPart: AxisPart {
        AxisPart(form: .range(from: lowerBound, to: nil, step: 1), text: "\(lowerBound)...")
    }
}

extension PartialRangeUpTo: AxisSelection where Bound == Int {
    public var axisPart: AxisPart {
        AxisPart(form: .range(from: nil, to: upperBound, step: 1), text: "..<\(upperBound)")
    }
}

extension PartialRangeThrough: AxisSelection where Bound == Int {
    public var axisPart: AxisPart {
        AxisPart(form: .range(from: nil, to: after(upperBound), step: 1), text: "...\(upperBound)")
    }
}

/// The bound behind a position: behind the last one, -1, there is none.
private func after(_ position: Int) -> Int? { position == -1 ? nil : position + 1 }

extension StrideTo: AxisSelection where Element == Int {
    public var axisPart: AxisPart { strided(self) }
}

extension StrideThrough: AxisSelection where Element == Int {
    public var axisPart: AxisPart { strided(self) }
}

private func strided(_ positions: some Sequence<Int>) -> AxisPart {
    let start = Array(positions.prefix(2))
    let count = positions.underestimatedCount
    let step = start.count > 1 ? start[1] - start[0] : 1
    let text = start.map(String.init).joined(separator: ", ") + (count > 2 ? ", …" : "")
    return AxisPart(form: .positions(first: start.first ?? 0, count: count, step: step), text: text)
}

extension Array: AxisSelection where Element == Int {
    public var axisPart: AxisPart { AxisPart(form: .list(self), text: count > 8 ? "[\(self[0]), …]" : "\(self)") }
}

extension AxisSelection where Self == AxisPart {
    /// The whole axis.
    public static var all: AxisPart { AxisPart(form: .range(from: nil, to: nil, step: 1), text: ".all") }
    /// As many whole axes as are left; `...` at the first place is the same.
    public static var ellipsis: AxisPart { AxisPart(form: .ellipsis, text: ".ellipsis") }
    /// An axis of size 1 that was not there.
    public static var newAxis: AxisPart { AxisPart(form: .newAxis, text: ".newAxis") }

    /// Every `step`-th position from a bound up to another one, which is not included; without bounds of the whole
    /// axis. Backwards where the step is negative: `.every(-1)` turns the axis round.
    public static func every(_ step: Int, from: Int? = nil, to: Int? = nil) -> AxisPart {
        let bounds = (from.map { ", from: \($0)" } ?? "") + (to.map { ", to: \($0)" } ?? "")
        return AxisPart(form: .range(from: from, to: to, step: step), text: ".every(\(step)\(bounds))")
    }
}

/// Where the elements of a subscript lie in a tensor.
enum Places {
    /// At (i · steps) + offset for every i of the shape.
    case strided(Shape, steps: [Int], offset: Int)
    /// One by one.
    case listed(Shape, offsets: [Int])

    var shape: Shape {
        switch self {
        case .strided(let shape, _, _), .listed(let shape, _): shape
        }
    }

    /// The places that `parts` choose of a tensor of the given shape. To write to, each may be there once.
    init(_ parts: [AxisPart], of shape: Shape, forWriting: Bool = false) {
        func fail(_ part: AxisPart, _ axis: Int) -> Never {
            Tensors.fail("subscript: \(part.text) does not lie in axis \(axis) of \(shape)")
        }
        let named = parts.count {
            switch $0.form {
            case .ellipsis, .newAxis: false
            case .position, .range, .positions, .list: true
            }
        }
        let ellipses = parts.count { if case .ellipsis = $0.form { true } else { false } }
        guard named <= shape.rank, ellipses <= 1 else {
            let written = parts.map(\.text).joined(separator: ", ")
            Tensors.fail(
                named > shape.rank
                    ? "subscript: [\(written)] chooses from \(named) axes, \(shape) has \(shape.rank)"
                    : "subscript: [\(written)] has more than one ellipsis")
        }
        let strides = shape.strides
        var (sizes, steps, offset, axis) = ([Int](), [Int](), 0, 0)
        var list: (axis: Int, offsets: [Int])?
        func takeWholeAxes(_ count: Int) {
            for _ in 0..<count {
                sizes.append(shape[axis])
                steps.append(strides[axis])
                axis += 1
            }
        }
        for part in parts {
            switch part.form {
            case .ellipsis: takeWholeAxes(shape.rank - named)
            case .newAxis:
                sizes.append(1)
                steps.append(0)
            case .position(let position):
                let size = shape[axis]
                guard position >= -size, position < size else {
                    Tensors.fail("subscript: \(position) is not a position along axis \(axis) of \(shape)")
                }
                offset += (position < 0 ? position + size : position) * strides[axis]
                axis += 1
            case .range(let from, let to, let step):
                let size = shape[axis]
                guard step != 0 else { Tensors.fail("subscript: a step of 0 leads nowhere") }
                func fromEnd(_ bound: Int) -> Int { bound < 0 ? bound + size : bound }
                let first = from.map(fromEnd) ?? (step > 0 ? 0 : size - 1)
                let end = to.map(fromEnd) ?? (step > 0 ? size : -1)
                guard
                    step > 0
                        ? 0 <= first && first <= end && end <= size : -1 <= end && end <= first && first < size
                else { fail(part, axis) }
                sizes.append((end - first + step + (step > 0 ? -1 : 1)) / step)
                steps.append(step * strides[axis])
                offset += sizes.last! == 0 ? 0 : first * strides[axis]
                axis += 1
            case .positions(var first, let count, let step):
                let size = shape[axis]
                var last = first + (count - 1) * step
                if first < 0, last < 0 { (first, last) = (first + size, last + size) }
                guard count == 0 || (first >= 0 && first < size && last >= 0 && last < size) else { fail(part, axis) }
                sizes.append(count)
                steps.append(step * strides[axis])
                offset += count == 0 ? 0 : first * strides[axis]
                axis += 1
            case .list(let positions):
                let (size, stride) = (shape[axis], strides[axis])
                guard positions.allSatisfy({ $0 >= -size && $0 < size }) else { fail(part, axis) }
                guard list == nil else {
                    Tensors.fail(
                        "subscript: only one axis can be chosen from by a list; choose from the others with gathered(_:axis:)"
                    )
                }
                let fromStart = positions.map { $0 < 0 ? $0 + size : $0 }
                var seen: Set<Int> = []
                if forWriting, let twice = fromStart.first(where: { !seen.insert($0).inserted }) {
                    Tensors.fail("subscript: position \(twice) along axis \(axis) is assigned to twice")
                }
                list = (sizes.count, fromStart.map { $0 * stride })
                sizes.append(positions.count)
                steps.append(0)
                axis += 1
            }
        }
        takeWholeAxes(shape.rank - axis)
        let result = Shape(sizes)
        guard let list else {
            self = .strided(result, steps: steps, offset: offset)
            return
        }
        var offsets: [Int] = []
        offsets.reserveCapacity(result.elementCount)
        let listStep = result.strides[list.axis]
        walk(result, steps) { position, start, size, step in
            for i in 0..<size {
                let chosen = (position + i) / listStep % list.offsets.count
                offsets.append(offset + start + i * step + list.offsets[chosen])
            }
        }
        self = .listed(result, offsets: offsets)
    }

    /// The places where a mask over the first axes of a tensor is true: `[count, …]`.
    init(where mask: Tensor, in shape: Shape) {
        let inner = shape.dropFirst(mask.rank).reduce(1, *)
        let starts = mask.bytes.enumerated().compactMap { $0.element == 0 ? nil : $0.offset * inner }
        self = .listed(
            Shape([starts.count] + shape.dropFirst(mask.rank)),
            offsets: inner == 1 ? starts : starts.flatMap { $0..<$0 + inner })
    }
}
