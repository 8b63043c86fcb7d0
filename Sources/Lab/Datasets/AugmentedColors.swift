internal import CKernels
internal import Glibc
import Tensors

extension Augmentation {
    /// Changes the values of an image, `[channels, height, width]` from 0 to 1, where it stands.
    func recolor(
        _ image: UnsafeMutableBufferPointer<Float>, channels: Int, height: Int, width: Int,
        using generator: inout RandomGenerator
    ) {
        func amount(_ bound: Double) -> Double { (generator.double() * 2 - 1) * bound }
        let values = image.baseAddress!
        let count = image.count
        let kernels = kernels_table()
        func shade(_ factor: Float, _ offset: Float) { kernels.pointee.shade(factor, offset, Int64(count), values) }
        // Grey images have no colours.
        func mix(_ matrix: [Float]) {
            if channels == 3 { kernels.pointee.mixColors(matrix, Int64(height * width), values) }
        }
        switch kind {
        case .noise(let deviation):
            kernels.pointee.addNoise(generator.next(), Float(deviation), NormalQuantiles.table, Int64(count), values)
        case .contrast(let part):
            let way = amount(part)
            let factor = Float(way < 0 ? 1 / (1 - way) : 1 + way)
            var sum: Float = 0
            for index in 0..<count { sum += values[index] }
            shade(factor, sum / Float(max(count, 1)) * (1 - factor))
        case .brightness(let bound):
            shade(1, Float(amount(bound)))
        case .invert(let probability):
            if generator.double() < probability { shade(-1, 1) }
        case .hue(let degrees):
            mix(ColorMatrix.turning(by: amount(degrees) * .pi / 180))
        case .saturation(let part):
            mix(ColorMatrix.saturating(1 + amount(part)))
        case .erase(let probability):
            guard generator.double() < probability else { return }
            let part = 0.02 + 0.18 * generator.double()
            let ratio = 0.3 + 3 * generator.double()
            let rows = min(height, max(1, Int((part * Double(height * width) * ratio).squareRoot().rounded())))
            let columns = min(width, max(1, Int((part * Double(height * width) / ratio).squareRoot().rounded())))
            let top = generator.below(height - rows + 1)
            let left = generator.below(width - columns + 1)
            for channel in 0..<channels {
                let color = generator.float()
                for row in top..<top + rows {
                    (values + (channel * height + row) * width + left).update(repeating: color, count: columns)
                }
            }
        case .rotate, .shift, .scale, .shear, .elastic, .flip, .quarterTurns, .crop: break
        }
    }
}

/// What of the old red, green and blue is in each of the new ones, row by row.
private enum ColorMatrix {
    /// Turns colours around the grey axis, which keeps their sum (Rodrigues' formula for the axis (1, 1, 1)).
    static func turning(by angle: Double) -> [Float] {
        let own = Float(cos(angle) + (1 - cos(angle)) / 3)
        let next = Float((1 - cos(angle)) / 3 + sin(angle) / 3.0.squareRoot())
        let last = Float((1 - cos(angle)) / 3 - sin(angle) / 3.0.squareRoot())
        return [own, last, next, next, own, last, last, next, own]
    }

    /// Moves colours away from their grey (0.299 red + 0.587 green + 0.114 blue, ITU-R BT.601), or towards it.
    static func saturating(_ factor: Double) -> [Float] {
        let rest = 1 - factor
        let (r, g, b) = (Float(0.299 * rest), Float(0.587 * rest), Float(0.114 * rest))
        let own = Float(factor)
        return [r + own, g, b, r, g + own, b, r, g, b + own]
    }
}

/// Normally distributed numbers from a table: the middles of 4,096 stretches that are all equally likely.
///
/// The largest is 3.7 deviations from the mean, which noise on pixels of 256 levels does not miss. A number takes 12 random
/// bits and one look, where Box and Muller take a logarithm, a root, a sine and a cosine.
private enum NormalQuantiles {
    static let table: [Float] = {
        // Newton's method on the distribution's integral, from the middle outward: each starts at its neighbour.
        var upper: [Double] = []
        var quantile = 0.0
        for step in 0..<2_048 {
            let part = 0.5 + (Double(step) + 0.5) / 4_096
            for _ in 0..<20 {
                let error = 0.5 * erfc(-quantile / 2.0.squareRoot()) - part
                quantile -= error * (2 * Double.pi).squareRoot() * exp(quantile * quantile / 2)
            }
            upper.append(quantile)
        }
        // The middles of the outermost stretches are nearer than their means: the deviation is made 1 again.
        let deviation = (upper.reduce(0) { $0 + $1 * $1 } / 2_048).squareRoot()
        return (upper.reversed().map { -$0 } + upper).map { Float($0 / deviation) }
    }()
}
