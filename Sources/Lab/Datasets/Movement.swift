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
                net = (0..<50).map { _ in Float(amount(pixels)) }
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
        // With a black pixel all around, no place has to be looked at whether it is inside.
        let stride = width + 3
        let padded = scratch
        let paddedArea = stride * (height + 3)
        padded.update(repeating: 0, count: paddedArea * channels)
        for channel in 0..<channels {
            for row in 0..<height {
                let from = source + (channel * height + row) * width
                let to = padded + channel * paddedArea + (row + 1) * stride + 1
                for column in 0..<width { to[column] = Float(from[column]) * (1 / 255) }
            }
        }
        // Where each pixel of a row comes from, in the padded image, and how far on the way to the next pixel.
        let fromX = padded + paddedArea * channels
        let fromY = fromX + width
        let partX = fromY + width
        let partY = partX + width
        let places = UnsafeMutableRawPointer(partY + width).assumingMemoryBound(to: Int32.self)
        let bends = partY + 2 * width
        let centerX = Float(width - 1) / 2
        let centerY = Float(height - 1) / 2
        let lastX = Float(width + 1)
        let lastY = Float(height + 1)
        let rowLength = Float(stride)
        for row in 0..<height {
            let dy = Float(row) - centerY
            let startX = b * dy + x + centerX + 1 - a * centerX
            let startY = d * dy + y + centerY + 1 - c * centerX
            for column in 0..<width {
                fromX[column] = startX + a * Float(column)
                fromY[column] = startY + c * Float(column)
            }
            if !net.isEmpty {
                bend(atY: Float(row) / Float(height), width: width, into: bends)
                for column in 0..<width {
                    fromX[column] += bends[column]
                    fromY[column] += bends[width + column]
                }
            }
            // Whole numbers and what is over: a Float of 2^23 and more has no fraction, its last bits are the number. (A
            // conversion with its checks keeps the loop from being done four columns at a time.) A half and a little more is
            // added, so that what is rounded is never below a whole number.
            let whole: Float = 8_388_608
            for column in 0..<width {
                // From the black frame on, everything is black. What is no number would be 0 here.
                let x = min(lastX, max(0, fromX[column])) + 0.500_01
                let y = min(lastY, max(0, fromY[column])) + 0.500_01
                let left = x + whole - (whole + 1)
                let top = y + whole - (whole + 1)
                partX[column] = x - 0.500_01 - left
                partY[column] = y - 0.500_01 - top
                places[column] = Int32(bitPattern: (top * rowLength + left + whole).bitPattern & 0x7F_FFFF)
            }
            for channel in 0..<channels {
                let plane = padded + channel * paddedArea
                let output = target + (channel * height + row) * width
                for column in 0..<width {
                    let corner = plane + Int(places[column])
                    let right = partX[column]
                    let upper = corner[0] + (corner[1] - corner[0]) * right
                    let lower = corner[stride] + (corner[stride + 1] - corner[stride]) * right
                    output[column] = upper + (lower - upper) * partY[column]
                }
            }
        }
    }

    /// How many numbers `apply` needs room for.
    static func scratchSize(channels: Int, height: Int, width: Int) -> Int {
        channels * (width + 3) * (height + 3) + 8 * width
    }

    /// The net's movements along x and then along y for a row of pixels, bilinear between its corners; `y` is 0 to 1.
    private func bend(atY y: Float, width: Int, into bends: UnsafeMutablePointer<Float>) {
        let mesh = min(3, Int(y * 4))
        let part = y * 4 - Float(mesh)
        net.withUnsafeBufferPointer { net in
            for axis in 0..<2 {
                let corners = net.baseAddress! + axis * 25 + mesh * 5
                for meshX in 0..<4 {
                    let left = corners[meshX] + (corners[meshX + 5] - corners[meshX]) * part
                    let right = corners[meshX + 1] + (corners[meshX + 6] - corners[meshX + 1]) * part
                    // The columns whose place · 4 / width lies in this mesh.
                    let from = (meshX * width + 3) / 4
                    let to = ((meshX + 1) * width + 3) / 4
                    let step = 4 / Float(width)
                    for column in from..<min(to, width) {
                        bends[axis * width + column] = left + (right - left) * (Float(column) * step - Float(meshX))
                    }
                }
            }
        }
    }
}
