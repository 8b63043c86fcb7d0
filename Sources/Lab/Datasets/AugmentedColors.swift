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
        switch kind {
        case .noise(let deviation):
            NormalQuantiles.shared.add(Float(deviation), to: image, using: &generator)
        case .contrast(let part):
            let way = amount(part)
            let factor = Float(way < 0 ? 1 / (1 - way) : 1 + way)
            var sum: Float = 0
            for index in 0..<count { sum += values[index] }
            let offset = sum / Float(max(count, 1)) * (1 - factor)
            for index in 0..<count { values[index] = min(1, max(0, values[index] * factor + offset)) }
        case .brightness(let bound):
            let shift = Float(amount(bound))
            for index in 0..<count { values[index] = min(1, max(0, values[index] + shift)) }
        case .invert(let probability):
            if generator.double() < probability { for index in 0..<count { values[index] = 1 - values[index] } }
        case .hue(let degrees):
            let angle = amount(degrees) * .pi / 180
            mix(ColorMatrix(turningBy: angle), values, channels: channels, area: height * width)
        case .saturation(let part):
            mix(ColorMatrix(saturating: 1 + amount(part)), values, channels: channels, area: height * width)
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

    /// Makes each of red, green and blue a sum of all three. Grey images have no colours.
    private func mix(_ matrix: ColorMatrix, _ values: UnsafeMutablePointer<Float>, channels: Int, area: Int) {
        guard channels == 3 else { return }
        let (reds, greens, blues) = (values, values + area, values + 2 * area)
        let (m, n, o) = (matrix.red, matrix.green, matrix.blue)
        for pixel in 0..<area {
            let (red, green, blue) = (reds[pixel], greens[pixel], blues[pixel])
            reds[pixel] = min(1, max(0, m.0 * red + m.1 * green + m.2 * blue))
            greens[pixel] = min(1, max(0, n.0 * red + n.1 * green + n.2 * blue))
            blues[pixel] = min(1, max(0, o.0 * red + o.1 * green + o.2 * blue))
        }
    }
}

/// What of the old red, green and blue is in each of the new ones.
private struct ColorMatrix {
    var red, green, blue: (Float, Float, Float)

    /// Turns colours around the grey axis, which keeps their sum (Rodrigues' formula for the axis (1, 1, 1)).
    init(turningBy angle: Double) {
        let own = Float(cos(angle) + (1 - cos(angle)) / 3)
        let next = Float((1 - cos(angle)) / 3 + sin(angle) / 3.0.squareRoot())
        let last = Float((1 - cos(angle)) / 3 - sin(angle) / 3.0.squareRoot())
        red = (own, last, next)
        green = (next, own, last)
        blue = (last, next, own)
    }

    /// Moves colours away from their grey (0.299 red + 0.587 green + 0.114 blue, ITU-R BT.601), or towards it.
    init(saturating factor: Double) {
        let rest = 1 - factor
        let (r, g, b) = (Float(0.299 * rest), Float(0.587 * rest), Float(0.114 * rest))
        let own = Float(factor)
        red = (r + own, g, b)
        green = (r, g + own, b)
        blue = (r, g, b + own)
    }
}

/// Normally distributed numbers from a table: the middles of 4,096 stretches that are all equally likely.
///
/// The largest is 3.7 deviations from the mean, which noise on pixels of 256 levels does not miss. A number takes 12 random
/// bits and one look: 1.5 ns, where Box and Muller's logarithm, root, sine and cosine take 20.
private struct NormalQuantiles {
    static let shared = NormalQuantiles()

    private let table: [Float]

    private init() {
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
        table = (upper.reversed().map { -$0 } + upper).map { Float($0 / deviation) }
    }

    /// Adds noise of this deviation to values, and keeps them from 0 to 1.
    func add(_ deviation: Float, to values: UnsafeMutableBufferPointer<Float>, using generator: inout RandomGenerator) {
        table.withUnsafeBufferPointer { table in
            var index = 0
            while index < values.count {
                // 64 bits are five numbers.
                var bits = generator.next()
                for place in index..<min(index + 5, values.count) {
                    let noise = table[Int(bits & 4_095)]
                    values[place] = min(1, max(0, values[place] + noise * deviation))
                    bits >>= 12
                }
                index += 5
            }
        }
    }
}
