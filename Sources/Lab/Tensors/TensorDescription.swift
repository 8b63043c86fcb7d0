public import Display

extension Tensor: CustomStringConvertible, Displayable {
    /// The elements in nested brackets as NumPy writes them, with `…` in the middle of long axes and lines of at most 80
    /// characters, then shape and type.
    ///
    ///     [[1, 2, 3],
    ///      [4, 5, 6]]  [2, 3] float32
    public var description: String {
        guard !isShapeOnly else { return "\(shape) \(dtype), no elements" }
        let cut = elementCount > 1000 ? 3 : Int.max / 4
        var shown: [Int] = []
        collect(axis: 0, offset: 0, cut: cut, into: &shown)
        let texts = format(
            withoutGradient().reshaped(to: [elementCount]).part(.listed([shown.count], offsets: shown)).doubles)
        let width = texts.map(\.count).max() ?? 0
        var remaining = texts[...]
        let body = brackets(axis: 0, cut: cut) {
            let text = remaining.popFirst() ?? ""
            return String(repeating: " ", count: width - text.count) + text
        }
        return "\(body)  \(shape) \(dtype)"
    }

    public var mimeBundle: MimeBundle { MimeBundle(text: description) }

    /// The positions along an axis that are shown; `nil` for the gap.
    private func positions(_ size: Int, _ cut: Int) -> [Int?] {
        size <= 2 * cut ? Array(0..<size) : Array(0..<cut) + [nil] + Array(size - cut..<size)
    }

    private func collect(axis: Int, offset: Int, cut: Int, into shown: inout [Int]) {
        guard axis < rank else { return shown.append(offset) }
        let stride = shape.strides[axis]
        for case let position? in positions(shape[axis], cut) {
            collect(axis: axis + 1, offset: offset + position * stride, cut: cut, into: &shown)
        }
    }

    private func brackets(axis: Int, cut: Int, next: () -> String) -> String {
        guard axis < rank else { return next() }
        let isLast = axis == rank - 1
        let separator =
            isLast
            ? ", " : "," + String(repeating: "\n", count: rank - axis - 1) + String(repeating: " ", count: axis + 1)
        let parts = positions(shape[axis], cut).map { position in
            position == nil ? "…" : brackets(axis: axis + 1, cut: cut, next: next)
        }
        guard isLast else { return "[" + parts.joined(separator: separator) + "]" }
        // As many on a line as fit, one below the other.
        let width = parts.map(\.count).max() ?? 0
        let perLine = max((80 - rank + 2) / (width + 2), 1)
        let lines = stride(from: 0, to: parts.count, by: perLine).map {
            parts[$0..<Swift.min($0 + perLine, parts.count)].joined(separator: separator)
        }
        return "[" + lines.joined(separator: ",\n" + String(repeating: " ", count: rank)) + "]"
    }

    /// All in one style: whole numbers as such, else four significant digits of the largest, or powers of ten where
    /// the sizes differ too much for that.
    private func format(_ values: [Double]) -> [String] {
        if dtype == .bool { return values.map { $0 == 0 ? "false" : "true" } }
        let finite = values.filter(\.isFinite).map(\.magnitude)
        let largest = finite.max() ?? 0
        let smallest = finite.filter { $0 > 0 }.min() ?? 1
        func special(_ value: Double) -> String? {
            value.isNaN ? "nan" : value.isInfinite ? (value < 0 ? "-inf" : "inf") : nil
        }
        if largest < 1e8, values.allSatisfy({ !$0.isFinite || $0 == $0.rounded() }) {
            return values.map { special($0) ?? String(Int($0)) }
        }
        if largest >= 1e8 || largest < 1e-4 || largest / smallest > 1e8 {
            return values.map { special($0) ?? scientific($0) }
        }
        let digits = largest >= 1000 ? 1 : largest >= 100 ? 2 : largest >= 10 ? 3 : largest >= 0.1 ? 4 : 6
        return values.map { special($0) ?? fixed($0, digits) }
    }

    private func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let scaled = Int((value.magnitude * scale).rounded())
        let fraction = String(scaled % Int(scale))
        let sign = value < 0 && scaled != 0 ? "-" : ""
        return sign + "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    private func scientific(_ value: Double) -> String {
        guard value != 0 else { return "0" }
        var exponent = 0
        var mantissa = value.magnitude
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        return (value < 0 ? "-" : "") + fixed(mantissa, 4) + "e\(exponent)"
    }
}
