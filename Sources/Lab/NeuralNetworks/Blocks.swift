public import Tensors

/// What layers make of their input, plus the input itself, then ReLU (He et al., 2015).
///
///     Residual(filters: 64)                             // two 3x3 convolutions with batch normalisation
///
/// With a stride, or where the channels change, a 1x1 convolution brings the input to the shape of the sum.
public final class Residual: Module {
    public let main: any Module
    public let shortcut: (any Module)?

    /// Layers of one's own; `shortcut` is what the input goes through on its way to the sum.
    public init(_ main: any Module, shortcut: (any Module)? = nil) {
        self.main = main
        self.shortcut = shortcut
    }

    /// Two 3x3 convolutions with batch normalisation, the block of ResNet-18 and 34. `projects` says that the input has
    /// other channels than `filters`.
    public convenience init(filters: Int, stride: Int = 1, projects: Bool = false) {
        self.init(
            Sequential {
                Conv2D(filters, kernel: 3, stride: stride, padding: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                Conv2D(filters, kernel: 3, padding: 1, bias: false, initializer: .he)
                BatchNorm()
            }, shortcut: Self.projection(filters, stride, projects))
    }

    /// 1x1, 3x3 and 1x1 convolutions with batch normalisation, the block of ResNet-50 and deeper: `filters` inside,
    /// four times as many outside.
    public convenience init(bottleneck filters: Int, stride: Int = 1, projects: Bool = false) {
        self.init(
            Sequential {
                Conv2D(filters, kernel: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                Conv2D(filters, kernel: 3, stride: stride, padding: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                Conv2D(4 * filters, kernel: 1, bias: false, initializer: .he)
                BatchNorm()
            }, shortcut: Self.projection(4 * filters, stride, projects))
    }

    private static func projection(_ filters: Int, _ stride: Int, _ projects: Bool) -> (any Module)? {
        guard stride > 1 || projects else { return nil }
        return Sequential {
            Conv2D(filters, kernel: 1, stride: stride, bias: false, initializer: .he)
            BatchNorm()
        }
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {  // [batch, channels, height, width]
        let carried = shortcut.map { $0(x) } ?? x
        return relu(main(x) + carried)
    }
}

/// Four ways side by side, joined along the channels: 1x1, 3x3 and 5x5 convolutions and maximum pooling, each behind or
/// before a 1x1 convolution that keeps the work small (Szegedy et al., 2014).
public final class Inception: Module {
    public let single: Conv2D
    public let reduce3: Conv2D, three: Conv2D
    public let reduce5: Conv2D, five: Conv2D
    public let pooled: Conv2D

    /// The filters of each convolution, in the order of the paper's table: 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5,
    /// 5x5; 1x1 behind the pooling.
    public init(_ single: Int, _ reduce3: Int, _ three: Int, _ reduce5: Int, _ five: Int, _ pooled: Int) {
        self.single = Conv2D(single, kernel: 1, activation: .relu, initializer: .he)
        self.reduce3 = Conv2D(reduce3, kernel: 1, activation: .relu, initializer: .he)
        self.three = Conv2D(three, kernel: 3, padding: 1, activation: .relu, initializer: .he)
        self.reduce5 = Conv2D(reduce5, kernel: 1, activation: .relu, initializer: .he)
        self.five = Conv2D(five, kernel: 5, padding: 2, activation: .relu, initializer: .he)
        self.pooled = Conv2D(pooled, kernel: 1, activation: .relu, initializer: .he)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {  // [batch, channels, height, width]
        concatenated(
            [single(x), three(reduce3(x)), five(reduce5(x)), pooled(maxPool(x, 3, stride: 1, padding: 1))], axis: 1)
    }
}
