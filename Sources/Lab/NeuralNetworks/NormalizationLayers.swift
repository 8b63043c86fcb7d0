public import Tensors

/// Batch normalisation: each channel gets the mean 0 and the variance 1, then a scale and an offset that are learned
/// (Ioffe and Szegedy, 2015). `[batch, channels, …]`.
///
/// In training the batch's own mean and variance count, and running ones follow them; elsewhere the running ones count.
public final class BatchNorm: Layer {
    @Parameter public var scale: Tensor
    @Parameter public var offset: Tensor
    @Parameter public var runningMean: Tensor
    @Parameter public var runningVariance: Tensor
    public let epsilon: Double
    /// The share of the newest batch in the running statistics.
    public let momentum: Double

    public init(epsilon: Double = 1e-5, momentum: Double = 0.1) {
        _scale = Parameter(.constant(1))
        _offset = Parameter(.constant(0))
        _runningMean = Parameter(.constant(0), isTrained: false)
        _runningVariance = Parameter(.constant(1), isTrained: false)
        self.epsilon = epsilon
        self.momentum = momentum
    }

    override public var kind: String { "BatchNorm()" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank >= 2 else { fail("BatchNorm: the axes are [batch, channels, …], not \(x.shape)") }
        let channels: Shape = [x.shape[1]]
        let scale = $scale.value(shaped: channels, for: x)
        let offset = $offset.value(shaped: channels, for: x)
        let mean = $runningMean.value(shaped: channels, for: x)
        let variance = $runningVariance.value(shaped: channels, for: x)
        if x.isShapeOnly { return x }
        guard Tape.current?.isTraining == true else {
            return channelNorm(
                x, mean: mean, variance: variance, scale: scale, offset: offset, epsilon: epsilon)
        }
        let count = Double(x.elementCount / max(x.shape[1], 1))
        guard count > 1 else {
            fail("BatchNorm: \(x.shape) has one value for each channel, which has no variance; use a larger batch")
        }
        return batchNormalized(x, scale: scale, offset: offset, epsilon: epsilon) { batchMean, batchVariance in
            // A checkpoint computes this twice; the batch counts once.
            if Tape.current?.isRepeating == true { return }
            $runningMean.set(mean.withoutGradient() * (1 - momentum) + batchMean * momentum)
            // The running variance is to be that of all images, so it is the unbiased one.
            $runningVariance.set(
                variance.withoutGradient() * (1 - momentum) + batchVariance * (momentum * count / (count - 1)))
        }
    }
}

/// Layer normalisation: each position gets the mean 0 and the variance 1 over the last axis, then a scale and an offset
/// that are learned (Ba et al., 2016).
public final class LayerNorm: Layer {
    @Parameter public var scale: Tensor
    @Parameter public var offset: Tensor
    public let epsilon: Double

    public init(epsilon: Double = 1e-5) {
        _scale = Parameter(.constant(1))
        _offset = Parameter(.constant(0))
        self.epsilon = epsilon
    }

    override public var kind: String { "LayerNorm()" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard let size = x.shape.last else { fail("LayerNorm: a scalar is no input") }
        return layerNorm(
            x, scale: $scale.value(shaped: [size], for: x), offset: $offset.value(shaped: [size], for: x),
            epsilon: epsilon)
    }
}

/// Group normalisation: like batch normalisation, but over groups of channels of each image alone (Wu and He, 2018).
public final class GroupNorm: Layer {
    @Parameter public var scale: Tensor
    @Parameter public var offset: Tensor
    public let groups: Int
    public let epsilon: Double

    public init(groups: Int, epsilon: Double = 1e-5) {
        guard groups > 0 else { fail("GroupNorm: \(groups) groups are not possible") }
        _scale = Parameter(.constant(1))
        _offset = Parameter(.constant(0))
        self.groups = groups
        self.epsilon = epsilon
    }

    override public var kind: String { "GroupNorm(groups: \(groups))" }

    override public func forward(_ x: Tensor) -> Tensor {
        guard x.rank >= 2 else { fail("GroupNorm: the axes are [batch, channels, …], not \(x.shape)") }
        let channels: Shape = [x.shape[1]]
        return groupNorm(
            x, groups: groups, scale: $scale.value(shaped: channels, for: x),
            offset: $offset.value(shaped: channels, for: x), epsilon: epsilon)
    }
}

/// Local response normalisation: each pixel is divided by how strongly neighbouring channels answer there, as in AlexNet
/// (Krizhevsky et al., 2012). The defaults are its authors', in PyTorch's terms.
public final class LocalResponseNorm: Layer {
    public let size: Int
    public let alpha: Double
    public let beta: Double
    public let k: Double

    public init(size: Int = 5, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
        guard size > 0 else { fail("LocalResponseNorm: \(size) channels are not possible") }
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k
    }

    override public var kind: String { "LocalResponseNorm(size: \(size))" }
    override public func forward(_ x: Tensor) -> Tensor {
        localResponseNorm(x, size: size, alpha: alpha, beta: beta, k: k)
    }
}
