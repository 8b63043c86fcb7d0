public import Tensors

/// What the pooling layers have in common: windows of pixels.
public class PoolingLayer: Layer {
    public let window: HeightAndWidth
    public let stride: HeightAndWidth
    public let padding: HeightAndWidth

    /// Sizes are a number, or an array with the height first; the stride is the window unless given.
    public init(
        _ window: any InBothDirections, stride: (any InBothDirections)? = nil, padding: any InBothDirections = 0
    ) {
        self.window = window.heightAndWidth
        self.stride = stride?.heightAndWidth ?? self.window
        self.padding = padding.heightAndWidth
        super.init()
        guard self.window.smallest > 0, self.stride.smallest > 0 else {
            fail("\(kind): there is no window of \(self.window) with stride \(self.stride); choose 1 or more for both")
        }
        guard self.padding.smallest >= 0, 2 * self.padding.height <= self.window.height,
            2 * self.padding.width <= self.window.width
        else { fail("\(kind): a padding of \(self.padding) does not fit; choose 0 to half of the window") }
    }

    override public var kind: String { "\(type(of: self))(\(window))" }
}

/// The largest of each window of pixels.
public final class MaxPool2D: PoolingLayer {
    override public func forward(_ x: Tensor) -> Tensor { maxPool(x, window, stride: stride, padding: padding) }
}

/// The mean of each window of pixels.
public final class AveragePool2D: PoolingLayer {
    override public func forward(_ x: Tensor) -> Tensor { averagePool(x, window, stride: stride, padding: padding) }
}

/// The mean over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public final class GlobalAveragePool2D: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { globalAveragePool(x) }
}

/// The largest over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
public final class GlobalMaxPool2D: Layer {
    override public init() {}
    override public func forward(_ x: Tensor) -> Tensor { globalMaxPool(x) }
}

/// What the adaptive pooling layers have in common: so many windows that the result has the given size, whatever the
/// size of the images.
public class AdaptivePoolingLayer: Layer {
    public let height: Int
    public let width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
        super.init()
        guard height > 0, width > 0 else { fail("\(kind): there are no \(height)x\(width) windows; choose 1 or more") }
    }

    override public var kind: String { "\(type(of: self))(height: \(height), width: \(width))" }
}

/// The mean of each of so many windows.
public final class AdaptiveAveragePool2D: AdaptivePoolingLayer {
    override public func forward(_ x: Tensor) -> Tensor { adaptiveAveragePool(x, height: height, width: width) }
}

/// The largest of each of so many windows.
public final class AdaptiveMaxPool2D: AdaptivePoolingLayer {
    override public func forward(_ x: Tensor) -> Tensor { adaptiveMaxPool(x, height: height, width: width) }
}
