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
