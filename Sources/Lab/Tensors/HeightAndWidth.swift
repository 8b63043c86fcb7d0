/// What images have two of: the sides of filters and of pooling windows, strides, paddings, dilations.
///
///     Conv2D(64, kernel: 7, stride: 2, padding: 3)      // the same in both directions
///     Conv2D(64, kernel: [7, 1], padding: [3, 0])       // height first
public struct HeightAndWidth: Sendable, Hashable, CustomStringConvertible, InBothDirections {
    public let height: Int
    public let width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    public var heightAndWidth: HeightAndWidth { self }

    /// As it is written in a call: `5`, or `[7, 1]`.
    public var description: String { height == width ? "\(height)" : "[\(height), \(width)]" }

    static let zero = HeightAndWidth(height: 0, width: 0)
    static let one = HeightAndWidth(height: 1, width: 1)
    package var smallest: Int { min(height, width) }
}

/// What says a height and a width: one number for both, or an array with the height first.
///
/// A protocol and not a type with literals of its own, so that variables do as well as literals.
public protocol InBothDirections {
    var heightAndWidth: HeightAndWidth { get }
}

extension Int: InBothDirections {
    public var heightAndWidth: HeightAndWidth { HeightAndWidth(height: self, width: self) }
}

extension Array: InBothDirections where Element == Int {
    public var heightAndWidth: HeightAndWidth {
        guard count == 2 else {
            fail("\(self) is not a height and a width: one number stands for both, [7, 1] for each")
        }
        return HeightAndWidth(height: self[0], width: self[1])
    }
}
