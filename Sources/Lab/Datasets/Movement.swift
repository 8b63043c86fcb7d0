internal import CKernels
internal import Glibc
import Tensors

/// Where each pixel of a moved image comes from: a linear map around the centre, a shift, and a net of bends.
struct Movement {
    /// Source offset from the centre = (a b; c d) · target offset from the centre + (x, y).
    var a: Float = 1, b: Float = 0, c: Float = 0, d: Float = 1, x: Float = 0, y: Float = 0
    /// 5 × 5 corners' movements along x and y, one after the other; empty without bends.
    var net: [Float] = []
    var isMoving = false

    init(_ augmentations: [Augmentation], using generator: inout RandomGenerator) {
        for augmentation in augmentations {
            func amount(_ bound: Double) -> Double { (generator.double() * 2 - 1) * bound }
            switch augmentation.kind {
            case .rotate(let degrees):
                let angle = amount(degrees) * .pi / 180
                join(cos(angle), -sin(angle), sin(angle), cos(angle))
            case .shift(let pixels):
                x += Float(amount(pixels))
                y += Float(amount(pixels))
                isMoving = true
            case .crop(let padding):
                x += Float(generator.below(2 * padding + 1) - padding)
                y += Float(generator.below(2 * padding + 1) - padding)
                isMoving = true
            case .scale(let part):
                let way = amount(part)
                let factor = way < 0 ? 1 - way : 1 / (1 + way)
                join(factor, 0, 0, factor)
            case .shear(let degrees):
                let angle = amount(degrees) * .pi / 180
                join(1, sin(angle) / cos(angle), 0, 1)
            case .flip(let horizontal, let probability):
                if generator.double() < probability { join(horizontal ? -1 : 1, 0, 0, horizontal ? 1 : -1) }
            case .quarterTurns:
                let turn = [(1.0, 0.0, 0.0, 1.0), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0)][generator.below(4)]
                if turn.0 != 1 { join(turn.0, turn.1, turn.2, turn.3) }
            case .elastic(let pixels):
                net = (0..<50).map { _ in (generator.float() * 2 - 1) * Float(pixels) }
                isMoving = true
            case .noise, .contrast, .brightness, .invert, .hue, .saturation, .erase: break
            }
        }
    }

    private mutating func join(_ e: Double, _ f: Double, _ g: Double, _ h: Double) {
        let (e, f, g, h) = (Float(e), Float(f), Float(g), Float(h))
        (a, b, c, d) = (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)
        isMoving = true
    }

    /// Moves an image of bytes, `[channels, height, width]`, and makes numbers from 0 to 1 of it: bilinearly between pixels;
    /// what comes from outside is black.
    ///
    /// - Parameter scratch: Room for `scratchSize` numbers.
    func apply(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>, channels: Int, height: Int, width: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        net.withUnsafeBufferPointer { net in
            var movement = KernelsMovement(
                a: a, b: b, c: c, d: d, x: x, y: y, net: net.isEmpty ? nil : net.baseAddress)
            kernels_table().pointee.move(
                &movement, source, Int64(channels), Int64(height), Int64(width), scratch, target)
        }
    }

    /// How many numbers `apply` needs room for.
    static func scratchSize(channels: Int, height: Int, width: Int) -> Int {
        5 * (width + 16) + (channels * (width + 3) * (height + 3) + 7) / 4
    }
}
