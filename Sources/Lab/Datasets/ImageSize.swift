/// The size that images get as they are read: `32` for squares, or `[height, width]`.
public struct ImageSize: Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    let sizes: [Int]

    public init(height: Int, width: Int) { sizes = [height, width] }
    public init(integerLiteral side: Int) { sizes = [side, side] }
    public init(arrayLiteral sizes: Int...) { self.sizes = sizes }

    /// Why images cannot have it; `nil` where they can.
    var problem: String? {
        sizes.count == 2 && sizes.allSatisfy { (1...10_000).contains($0) }
            ? nil : "a size is [height, width], or one number for both, each 1 to 10,000, not \(sizes)"
    }
}
