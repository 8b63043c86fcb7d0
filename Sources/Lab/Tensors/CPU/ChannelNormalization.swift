internal import CKernels

/// Normalisation of the channels of `float32` images on the processor, a plane of a channel at a time: each pass reads
/// memory once, and ReLU and 2x2 maximum pooling take place in the same pass.
struct ChannelNormalization {
    /// `[batch, channels, …]`
    let shape: Shape
    let epsilon: Double
    /// Whether mean and variance are those of the images themselves, so that gradients go through them.
    let followsImages: Bool
    /// Of each channel.
    let means: [Float]
    let variances: [Float]

    private var batch: Int { shape[0] }
    private var channels: Int { shape[1] }
    private var plane: Int { shape[2...].reduce(1, *) }
    private var height: Int { shape[2] }
    private var width: Int { shape[3] }

    /// Whether planes are large enough for this way to pay.
    static func suits(_ x: Tensor) -> Bool {
        x.dtype == .float32 && x.rank >= 2 && x.shape[2...].reduce(1, *) >= 8 && x.elementCount > 0
    }

    /// With the images' own mean and variance.
    init(of x: Tensor, epsilon: Double) {
        let shape = x.shape
        let (batch, channels, plane) = (shape[0], shape[1], shape[2...].reduce(1, *))
        var means = [Float](repeating: 0, count: channels)
        var variances = means
        let source = x.floats
        means.withUnsafeMutableBufferPointer { means in
            variances.withUnsafeMutableBufferPointer { variances in
                nonisolated(unsafe) let (means, variances) = (means, variances)
                Self.forEachChannel(channels, size: batch * plane) { channel in
                    withUnsafeTemporaryAllocation(of: Double.self, capacity: 3) { state in
                        state.initialize(repeating: 0)
                        for image in 0..<batch {
                            kernels_table().pointee.moments(
                                source + (image * channels + channel) * plane, Int64(plane), state.baseAddress!)
                        }
                        means[channel] = Float(state[1])
                        variances[channel] = Float(state[2] / state[0])
                    }
                }
            }
        }
        (self.shape, self.epsilon, self.means, self.variances) = (shape, epsilon, means, variances)
        followsImages = true
    }

    /// With a given mean and variance.
    init(_ shape: Shape, means: [Float], variances: [Float], epsilon: Double) {
        (self.shape, self.epsilon, self.means, self.variances) = (shape, epsilon, means, variances)
        followsImages = false
    }

    /// Channels are shared out, several at once where they are small.
    private static func forEachChannel(_ channels: Int, size: Int, _ body: (Int) -> Void) {
        let perTile = max(1, 16384 / max(size, 1))
        parallel((channels + perTile - 1) / perTile) { tile in
            for channel in tile * perTile..<min((tile + 1) * perTile, channels) { body(channel) }
        }
    }

    private func inverseDeviation(_ channel: Int) -> Double { 1 / (Double(variances[channel]) + epsilon).squareRoot() }

    private func kernel(
        _ channel: Int, _ scale: UnsafePointer<Float>, _ offset: UnsafePointer<Float>, rectify: Bool
    ) -> KernelsNormalization {
        KernelsNormalization(
            mean: means[channel], slope: Float(Double(scale[channel]) * inverseDeviation(channel)),
            offset: offset[channel], rectify: rectify ? 1 : 0)
    }

    func forward(_ x: Tensor, _ scale: Tensor, _ offset: Tensor, rectify: Bool) -> Buffer {
        let result = Buffer(byteCount: shape.elementCount * 4)
        let (source, a, b, target) = (x.floats, scale.floats, offset.floats, result.pointer(Float.self))
        Self.forEachChannel(channels, size: batch * plane) { channel in
            var n = kernel(channel, a, b, rectify: rectify)
            for image in 0..<batch {
                let at = (image * channels + channel) * plane
                kernels_table().pointee.normalize(&n, source + at, Int64(plane), target + at)
            }
        }
        return result
    }

    /// Whether 2x2 squares cover the images.
    var poolsAtOnce: Bool { shape.rank == 4 && height % 2 == 0 && width % 2 == 0 }

    /// The maxima of 2x2 squares, and which of the four each was.
    func forwardPooled(_ x: Tensor, _ scale: Tensor, _ offset: Tensor, rectify: Bool) -> (Tensor, Buffer) {
        let result = Tensor(uninitialized: [batch, channels, height / 2, width / 2])
        let which = Buffer(byteCount: shape.elementCount / 4)
        let (source, a, b, target) = (x.floats, scale.floats, offset.floats, result.floats)
        let indices = which.pointer(UInt8.self)
        Self.forEachChannel(channels, size: batch * plane) { channel in
            var n = kernel(channel, a, b, rectify: rectify)
            for image in 0..<batch {
                let at = (image * channels + channel) * plane
                kernels_table().pointee.normalizePool(
                    &n, source + at, Int64(height), Int64(width), target + at / 4, indices + at / 4)
            }
        }
        return (result, which)
    }

    /// The gradients of x (where asked), scale and offset. Where pooling had joined, `gradient` is that of the pooled
    /// result and `which` what the forward pass noted.
    func backward(
        _ x: Tensor, _ scale: Tensor, _ offset: Tensor, rectify: Bool, _ gradient: Tensor, which: Buffer?, data: Bool
    ) -> (data: Tensor?, scale: Tensor, offset: Tensor) {
        let dx = data ? Tensor(uninitialized: shape) : nil
        let (dScale, dOffset) = (Tensor(uninitialized: [channels]), Tensor(uninitialized: [channels]))
        let slopes = gradient.converted(to: .float32)
        let (source, a, b, g) = (x.floats, scale.floats, offset.floats, slopes.floats)
        let (toScale, toOffset, target) = (dScale.floats, dOffset.floats, dx?.floats)
        let indices = which?.pointer(UInt8.self)
        let count = Double(batch * plane)
        Self.forEachChannel(channels, size: batch * plane) { channel in
            let table = kernels_table()
            var n = kernel(channel, a, b, rectify: rectify)
            let inverse = inverseDeviation(channel)
            withUnsafeTemporaryAllocation(of: Double.self, capacity: 2) { sums in
                sums.initialize(repeating: 0)
                for image in 0..<batch {
                    let at = (image * channels + channel) * plane
                    if let indices {
                        table.pointee.normalizeSumsPooled(
                            &n, source + at, g + at / 4, indices + at / 4, Int64(height), Int64(width),
                            sums.baseAddress!)
                    } else {
                        table.pointee.normalizeSums(&n, source + at, g + at, Int64(plane), sums.baseAddress!)
                    }
                }
                toScale[channel] = Float(sums[1] * inverse)
                toOffset[channel] = Float(sums[0])
                guard let target else { return }
                let centre = followsImages ? Float(sums[0] / count) : 0
                let tilt = followsImages ? Float(sums[1] / count * inverse * inverse) : 0
                for image in 0..<batch {
                    let at = (image * channels + channel) * plane
                    if let indices {
                        table.pointee.normalizeBackPooled(
                            &n, source + at, g + at / 4, indices + at / 4, Int64(height), Int64(width), centre, tilt,
                            target + at)
                    } else {
                        table.pointee.normalizeBack(
                            &n, source + at, g + at, Int64(plane), centre, tilt, target + at)
                    }
                }
            }
        }
        return (dx, dScale, dOffset)
    }
}
