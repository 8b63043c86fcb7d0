/// The sizes of a tensor's axes, outermost first: `[batch, channels, height, width]`.
///
///     let shape: Shape = [64, 1, 28, 28]
///     shape.elementCount                                // → 50176
///     Array(shape.dropFirst())                          // → [1, 28, 28]
///
/// A scalar has the empty shape `[]` and one element.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, RandomAccessCollection, CustomStringConvertible {
    /// The sizes as an array.
    public let sizes: [Int]
    /// The product of all sizes; 1 for a scalar.
    public let elementCount: Int

    public init(_ sizes: [Int]) {
        guard sizes.allSatisfy({ $0 >= 0 }) else { fail("Shape: \(sizes) has a negative size") }
        guard let count = Self.elementCount(sizes) else {
            fail("Shape: \(sizes) has more elements than can be counted")
        }
        self.sizes = sizes
        elementCount = count
    }

    /// How many elements there are; `nil` where the bytes of so many, or the strides between them, cannot be counted.
    static func elementCount(_ sizes: [Int]) -> Int? {
        var product = 1
        for size in sizes where size != 0 {
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            guard size > 0, !overflow, next <= Int.max / 16 else { return nil }
            product = next
        }
        return sizes.contains(0) ? 0 : product
    }

    public init<Sizes: Sequence>(_ sizes: Sizes) where Sizes.Element == Int { self.init(Array(sizes)) }
    public init(arrayLiteral elements: Int...) { self.init(elements) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { sizes.count }
    public subscript(axis: Int) -> Int { sizes[axis] }

    /// The number of axes.
    public var rank: Int { sizes.count }

    public static func == (left: Shape, right: Shape) -> Bool { left.sizes == right.sizes }
    public func hash(into hasher: inout Hasher) { hasher.combine(sizes) }

    public var description: String { "[" + sizes.map(String.init).joined(separator: ", ") + "]" }

    /// For each axis, how many elements lie between neighbours along it.
    var strides: [Int] {
        var strides = [Int](repeating: 1, count: sizes.count)
        for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * sizes[axis + 1]
        }
        return strides
    }

    /// The shape with the given axis replaced, removed (`nil`) or kept.
    func replacing(axis: Int, with size: Int?) -> Shape {
        var sizes = sizes
        if let size { sizes[axis] = size } else { sizes.remove(at: axis) }
        return Shape(sizes)
    }

    /// The shape that both broadcast to, or `nil`: axes are matched from the last, and a size of 1 stretches.
    func broadcast(with other: Shape) -> Shape? {
        if other.rank == 0 || self == other { return self }
        var result = [Int](repeating: 1, count: Swift.max(rank, other.rank))
        for index in 1...Swift.max(result.count, 1) where index <= result.count {
            let left = index <= rank ? sizes[rank - index] : 1
            let right = index <= other.rank ? other.sizes[other.rank - index] : 1
            guard left == right || left == 1 || right == 1 else { return nil }
            result[result.count - index] = left == 1 ? right : left
        }
        return Shape(result)
    }
}
