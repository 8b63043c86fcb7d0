/// How a tensor's elements lie for normalisation: `[outer, rows, inner]`, where all elements of one row, wherever they
/// lie, share a mean and a variance.
package struct NormalizationRows {
    package var outer: Int
    package var rows: Int
    package var inner: Int
    /// How many elements share a mean.
    package var count: Int { outer * inner }

    package init(outer: Int, rows: Int, inner: Int) {
        self.outer = outer
        self.rows = rows
        self.inner = inner
    }
}

/// Batch normalisation as in training (Ioffe and Szegedy, 2015): each channel gets the mean 0 and the variance 1 over the
/// batch, then `scale` and `offset`, both `[channels]`. x `[batch, channels, …]`.
public func batchNorm(_ x: Tensor, scale: Tensor, offset: Tensor, epsilon: Double = 1e-5) -> Tensor {
    batchNormalized(x, scale: scale, offset: offset, epsilon: epsilon) { _, _ in }
}

/// The same, telling `statistics` the mean and the variance that the channels had, both `[channels]`.
package func batchNormalized(
    _ x: Tensor, scale: Tensor, offset: Tensor, epsilon: Double,
    statistics: (_ mean: Tensor, _ variance: Tensor) -> Void
) -> Tensor {
    guard suitsChannelNormalization("batchNorm", x, scale, offset) else {
        let batch = batchStandardized(x, epsilon: epsilon)
        statistics(batch.mean, batch.variance)
        return scaledChannels("batchNorm", batch.result, scale: scale, offset: offset)
    }
    let plan = ChannelNormalization(of: x, epsilon: epsilon)
    // Before anything is put off: running statistics are parameters, and a change of those ends all waiting.
    statistics(Tensor(plan.means), Tensor(plan.variances))
    return PendingNormalization(plan, x, scale, offset, rectify: false).result
}

/// Normalisation with a mean and a variance that are known, both `[channels]`: how batch normalisation works once
/// training is over. x `[batch, channels, …]`.
package func channelNorm(
    _ x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, offset: Tensor, epsilon: Double
) -> Tensor {
    guard suitsChannelNormalization("batchNorm", x, scale, offset), !mean.isTracked, !variance.isTracked else {
        let slope = scale / (variance + epsilon).squareRoot()
        return scaledChannels("batchNorm", x, scale: slope, offset: offset - mean * slope)
    }
    let plan = ChannelNormalization(x.shape, means: mean.scalars, variances: variance.scalars, epsilon: epsilon)
    return PendingNormalization(plan, x, scale, offset, rectify: false).result
}

private func suitsChannelNormalization(_ operation: String, _ x: Tensor, _ scale: Tensor, _ offset: Tensor) -> Bool {
    guard x.rank >= 2 else { fail("\(operation): the axes are [batch, channels, …], not \(x.shape)") }
    guard scale.shape == [x.shape[1]], offset.shape == scale.shape else {
        fail("\(operation): scale \(scale.shape) and offset \(offset.shape) do not fit the channels of \(x.shape)")
    }
    return ChannelNormalization.suits(x) && !x.isOnGPU && !scale.isOnGPU && scale.dtype == .float32
        && offset.dtype == .float32
        && ![x, scale, offset].contains { $0.isShapeOnly || $0.isTwiceTracked }
}

/// A normalisation nobody has looked at yet. ReLU and 2x2 maximum pooling join it.
private final class PendingNormalization: Pending, @unchecked Sendable {
    private let plan: ChannelNormalization
    private let x: Tensor
    private let scale: Tensor
    private let offset: Tensor
    private let rectify: Bool

    init(_ plan: ChannelNormalization, _ x: Tensor, _ scale: Tensor, _ offset: Tensor, rectify: Bool) {
        (self.plan, self.x, self.scale, self.offset, self.rectify) = (plan, x, scale, offset, rectify)
        super.init()
        awaitParameterChange()
    }

    override func compute() -> Buffer { plan.forward(x, scale, offset, rectify: rectify) }

    var result: Tensor {
        recorded(Tensor(handle: Handle(shape: x.shape, dtype: .float32, buffer: nil, pending: self)), which: nil)
    }

    private func recorded(_ result: Tensor, which: Buffer?) -> Tensor {
        let (plan, x, scale, offset, rectify) = (plan, x, scale, offset, rectify)
        return result.recorded(from: [x, scale, offset]) { gradient in
            let back = plan.backward(
                x, scale, offset, rectify: rectify, gradient, which: which, data: x.node != nil)
            return [back.data, back.scale, back.offset]
        }
    }

    override func rectified() -> Tensor? {
        isUntouched && !rectify ? PendingNormalization(plan, x, scale, offset, rectify: true).result : nil
    }

    override func pooled() -> Tensor? {
        guard isUntouched, plan.poolsAtOnce else { return nil }
        let (result, which) = plan.forwardPooled(x, scale, offset, rectify: rectify)
        return recorded(result, which: which)
    }
}

/// x with mean 0 and variance 1 for each channel, and the mean and the variance that it had, both `[channels]`.
package func batchStandardized(
    _ x: Tensor, epsilon: Double
) -> (result: Tensor, mean: Tensor, variance: Tensor) {
    guard x.rank >= 2 else { fail("batchNorm: the axes are [batch, channels, …], not \(x.shape)") }
    return standardized(
        x, NormalizationRows(outer: x.shape[0], rows: x.shape[1], inner: x.shape[2...].reduce(1, *)), epsilon)
}

/// Layer normalisation (Ba et al., 2016): each position gets the mean 0 and the variance 1 over the last axis, then
/// `scale` and `offset`, both of that axis' size.
public func layerNorm(_ x: Tensor, scale: Tensor, offset: Tensor, epsilon: Double = 1e-5) -> Tensor {
    guard let size = x.shape.last, scale.shape == [size], offset.shape == [size] else {
        fail("layerNorm: scale \(scale.shape) and offset \(offset.shape) do not fit the last axis of \(x.shape)")
    }
    let rows = NormalizationRows(outer: 1, rows: x.shape.dropLast().reduce(1, *), inner: size)
    return standardized(x, rows, epsilon).result * scale + offset
}

/// Group normalisation (Wu and He, 2018): each image's channels are normalised in `groups` groups, then get `scale` and
/// `offset`, both `[channels]`. x `[batch, channels, …]`.
public func groupNorm(_ x: Tensor, groups: Int, scale: Tensor, offset: Tensor, epsilon: Double = 1e-5) -> Tensor {
    guard x.rank >= 2, groups > 0, x.shape[1] % groups == 0 else {
        fail("groupNorm: the channels of \(x.shape) do not come apart into \(groups) equal groups")
    }
    let rows = NormalizationRows(
        outer: 1, rows: x.shape[0] * groups, inner: x.shape[1] / groups * x.shape[2...].reduce(1, *))
    return scaledChannels("groupNorm", standardized(x, rows, epsilon).result, scale: scale, offset: offset)
}

/// Local response normalisation (Krizhevsky et al., 2012): each pixel over (k + alpha / size · the sum of the squares of
/// `size` neighbouring channels)^beta, with PyTorch's meaning of `alpha`. x `[batch, channels, …]`.
public func localResponseNorm(
    _ x: Tensor, size: Int = 5, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1
) -> Tensor {
    guard x.rank >= 2, size >= 1 else {
        fail("localResponseNorm: \(x.shape) has no \(size) neighbouring channels; the axes are [batch, channels, …]")
    }
    let (batch, channels) = (x.shape[0], x.shape[1])
    // The channels that each one sees, those that begin size / 2 before it: a matrix of 0 and 1.
    let neighbours = Tensor(
        (0..<channels * channels).map { place -> Double in
            let distance = place % channels - place / channels + size / 2
            return distance >= 0 && distance < size ? 1 : 0
        }, shape: [channels, channels]
    ).converted(to: x.floating.dtype)
    let pixels = x.shape[2...].reduce(1, *)
    let squares = matmul(neighbours, x.squared().reshaped(to: [batch, channels, pixels])).reshaped(to: x.shape)
    return x * (k + alpha / Double(size) * squares).power(-beta)
}

/// x · scale + offset, both `[channels]`, for x `[batch, channels, …]`.
package func scaledChannels(_ operation: String, _ x: Tensor, scale: Tensor, offset: Tensor) -> Tensor {
    guard scale.shape == [x.shape[1]], offset.shape == scale.shape else {
        fail("\(operation): scale \(scale.shape) and offset \(offset.shape) do not fit the channels of \(x.shape)")
    }
    let aligned = Shape([x.shape[1]] + [Int](repeating: 1, count: x.rank - 2))
    return x * scale.reshaped(to: aligned) + offset.reshaped(to: aligned)
}

private func standardized(
    _ x: Tensor, _ rows: NormalizationRows, _ epsilon: Double
) -> (result: Tensor, mean: Tensor, variance: Tensor) {
    let source = x.floating
    if x.isShapeOnly {
        let statistics = Tensor(shapeOnly: [rows.rows], source.dtype)
        return (Tensor(shapeOnly: x.shape, source.dtype), statistics, statistics)
    }
    if x.isTwiceTracked {
        // In steps that can be differentiated again.
        let folded = source.reshaped(rows.outer, rows.rows, rows.inner)
        let centre = folded.mean(axes: [0, 2], keepDims: true)
        let spread = (folded - centre).squared().mean(axes: [0, 2], keepDims: true)
        let result = (folded - centre) / (spread + epsilon).squareRoot()
        return (
            result.reshaped(to: x.shape), centre.withoutGradient().reshaped(to: [rows.rows]),
            spread.withoutGradient().reshaped(to: [rows.rows])
        )
    }
    if let gpu = source.gpu {
        let (result, mean, variance) = gpu.standardized(source, rows, epsilon)
        let recorded = result.recordedWithResult(x) { gpu.standardizedBack($0, $1, variance, rows, epsilon) }
        return (recorded, mean, variance)
    }
    let mean = Tensor(uninitialized: [rows.rows], source.dtype)
    let variance = Tensor(uninitialized: [rows.rows], source.dtype)
    let result = Tensor(uninitialized: x.shape, source.dtype)
    if source.dtype == .float64 {
        standardize(
            source.pointer(Double.self), result.pointer(Double.self), mean.pointer(), variance.pointer(), rows, epsilon)
    } else {
        standardize(source.floats, result.floats, mean.pointer(), variance.pointer(), rows, epsilon)
    }
    let recorded = result.recordedWithResult(x) { gradient, y in
        let back = Tensor(uninitialized: y.shape, y.dtype)
        let slope = gradient.converted(to: y.dtype)
        if y.dtype == .float64 {
            standardizeBack(
                slope.pointer(Double.self), y.pointer(Double.self), back.pointer(Double.self), variance.pointer(), rows,
                epsilon)
        } else {
            standardizeBack(slope.floats, y.floats, back.floats, variance.pointer(), rows, epsilon)
        }
        return back
    }
    return (recorded, mean, variance)
}

/// The sum of a function of the elements of one run, in eight lanes.
@inline(__always)
private func sum<Scalar: BinaryFloatingPoint & SIMDScalar>(
    _ count: Int, _ lanes: (Int) -> SIMD8<Scalar>, _ single: (Int) -> Scalar
) -> Double {
    var total = SIMD8<Scalar>()
    var index = 0
    while index + 8 <= count {
        total += lanes(index)
        index += 8
    }
    var rest = ((total[0] + total[4]) + (total[1] + total[5])) + ((total[2] + total[6]) + (total[3] + total[7]))
    while index < count {
        rest += single(index)
        index += 1
    }
    return Double(rest)
}

@inline(__always)
private func eight<Scalar: SIMDScalar>(_ address: UnsafePointer<Scalar>, _ index: Int) -> SIMD8<Scalar> {
    UnsafeRawPointer(address + index).loadUnaligned(as: SIMD8<Scalar>.self)
}

@inline(__always)
private func standardize<Scalar: BinaryFloatingPoint & SIMDScalar>(
    _ source: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ means: UnsafeMutablePointer<Scalar>,
    _ variances: UnsafeMutablePointer<Scalar>, _ rows: NormalizationRows, _ epsilon: Double
) {
    let (inner, count) = (rows.inner, Double(max(rows.count, 1)))
    parallel(rows.rows, grain: max(1, 8192 / max(rows.count, 1))) { range in
        for row in range {
            var total = 0.0
            for outer in 0..<rows.outer {
                let from = source + (outer * rows.rows + row) * inner
                total += sum(inner, { eight(from, $0) }, { from[$0] })
            }
            let mean = Scalar(total / count)
            var squares = 0.0
            for outer in 0..<rows.outer {
                let from = source + (outer * rows.rows + row) * inner
                squares += sum(
                    inner,
                    {
                        let distance = eight(from, $0) - mean
                        return distance * distance
                    }, { (from[$0] - mean) * (from[$0] - mean) })
            }
            means[row] = mean
            variances[row] = Scalar(squares / count)
            let scale = Scalar(1 / (squares / count + epsilon).squareRoot())
            for outer in 0..<rows.outer {
                let start = (outer * rows.rows + row) * inner
                for index in start..<start + inner { target[index] = (source[index] - mean) * scale }
            }
        }
    }
}

/// With y the standardised x, n elements in a row and g their gradients:
/// dx = (g - Σg / n - y · Σ(g y) / n) / √(variance + epsilon).
@inline(__always)
private func standardizeBack<Scalar: BinaryFloatingPoint & SIMDScalar>(
    _ gradient: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>,
    _ variances: UnsafePointer<Scalar>, _ rows: NormalizationRows, _ epsilon: Double
) {
    let (inner, count) = (rows.inner, Double(max(rows.count, 1)))
    parallel(rows.rows, grain: max(1, 8192 / max(rows.count, 1))) { range in
        for row in range {
            var (plain, weighted) = (0.0, 0.0)
            for outer in 0..<rows.outer {
                let start = (outer * rows.rows + row) * inner
                let (g, values) = (gradient + start, y + start)
                plain += sum(inner, { eight(g, $0) }, { g[$0] })
                weighted += sum(inner, { eight(g, $0) * eight(values, $0) }, { g[$0] * values[$0] })
            }
            let scale = Scalar(1 / (Double(variances[row]) + epsilon).squareRoot())
            let (centre, tilt) = (Scalar(plain / count), Scalar(weighted / count))
            for outer in 0..<rows.outer {
                let start = (outer * rows.rows + row) * inner
                for index in start..<start + inner {
                    target[index] = (gradient[index] - centre - y[index] * tilt) * scale
                }
            }
        }
    }
}
