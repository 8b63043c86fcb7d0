import Tensors

/// A change to an image that leaves what it shows as it is: seen a little differently each time, few images teach like
/// many.
///
///     let tougher = data.training.augmented(.rotate(10), .shift(2), .noise(0.03), .invert(probability: 0.5))
///     tougher.showAugmented()
///
/// What happens to an image depends on the run's seed, the epoch and the image alone. Turns, shifts and the like are
/// joined into one movement, so that an image is blurred by resampling only once; they come before what changes colours.
public struct Augmentation: Sendable, Hashable, Codable {
    enum Kind: Sendable, Hashable, Codable {
        case rotate(Double)
        case shift(Double)
        case scale(Double)
        case shear(Double)
        case elastic(Double)
        case flip(horizontal: Bool, Double)
        case quarterTurns
        case crop(Int)
        case noise(Double)
        case contrast(Double)
        case brightness(Double)
        case invert(Double)
        case hue(Double)
        case saturation(Double)
        case erase(Double)
    }
    let kind: Kind

    /// Turns by up to so many degrees, either way.
    public static func rotate(_ degrees: Double) -> Augmentation { Augmentation(kind: .rotate(degrees)) }
    /// Moves by up to so many pixels, along both axes.
    public static func shift(_ pixels: Double) -> Augmentation { Augmentation(kind: .shift(pixels)) }
    /// Enlarges or shrinks by up to this part: 0.1 is from 1/1.1 to 1.1 times.
    public static func scale(_ part: Double) -> Augmentation { Augmentation(kind: .scale(part)) }
    /// Slants by up to so many degrees, either way.
    public static func shear(_ degrees: Double) -> Augmentation { Augmentation(kind: .shear(degrees)) }
    /// Bends: the corners of a net of 4 × 4 meshes move by up to so many pixels, and the image between them with them
    /// (after Simard, Steinkraus and Platt, 2003, who smooth a field of single pixels).
    public static func elastic(_ pixels: Double) -> Augmentation { Augmentation(kind: .elastic(pixels)) }
    /// Left for right. Not for digits: a mirrored 2 is none.
    public static func flipHorizontally(probability: Double = 0.5) -> Augmentation {
        Augmentation(kind: .flip(horizontal: true, probability))
    }
    /// Top for bottom.
    public static func flipVertically(probability: Double = 0.5) -> Augmentation {
        Augmentation(kind: .flip(horizontal: false, probability))
    }
    /// By 0, 90, 180 or 270 degrees; images must be square.
    public static let quarterTurns = Augmentation(kind: .quarterTurns)
    /// A random piece of the image with `padding` black pixels around it, as large as the image was.
    public static func crop(padding: Int) -> Augmentation { Augmentation(kind: .crop(padding)) }
    /// Adds normally distributed noise; 1 is the way from black to white.
    public static func noise(_ deviation: Double) -> Augmentation { Augmentation(kind: .noise(deviation)) }
    /// Stretches or squeezes the values around their mean by a factor of up to 1 + `part`, or its inverse.
    public static func contrast(_ part: Double) -> Augmentation { Augmentation(kind: .contrast(part)) }
    /// Adds up to so much, either way; 1 is the way from black to white.
    public static func brightness(_ amount: Double) -> Augmentation { Augmentation(kind: .brightness(amount)) }
    /// Black for white.
    public static func invert(probability: Double = 0.5) -> Augmentation { Augmentation(kind: .invert(probability)) }
    /// Turns the colours by up to so many degrees around the wheel.
    public static func hue(_ degrees: Double) -> Augmentation { Augmentation(kind: .hue(degrees)) }
    /// Makes the colours stronger or weaker by up to this part.
    public static func saturation(_ part: Double) -> Augmentation { Augmentation(kind: .saturation(part)) }
    /// Paints over a random rectangle of 2 to 20 % of the image (Zhong et al., "Random Erasing", 2017).
    public static func erase(probability: Double = 0.5) -> Augmentation { Augmentation(kind: .erase(probability)) }
}

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
                join(cosine(angle), -sine(angle), sine(angle), cosine(angle))
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
                join(1, sine(angle) / cosine(angle), 0, 1)
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

    /// Moves one channel, bilinearly between pixels; what comes from outside is black.
    func apply(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, height: Int, width: Int) {
        let centerX = Float(width - 1) / 2
        let centerY = Float(height - 1) / 2
        for row in 0..<height {
            let dy = Float(row) - centerY
            for column in 0..<width {
                let dx = Float(column) - centerX
                var fromX = a * dx + b * dy + x + centerX
                var fromY = c * dx + d * dy + y + centerY
                if !net.isEmpty {
                    let bend = bend(atX: Float(column) / Float(width), y: Float(row) / Float(height))
                    fromX += bend.x
                    fromY += bend.y
                }
                let left = fromX.rounded(.down)
                let top = fromY.rounded(.down)
                let partX = fromX - left
                let partY = fromY - top
                guard left > -2, top > -2, left < Float(width), top < Float(height) else {
                    target[row * width + column] = 0
                    continue
                }
                let x0 = Int(left)
                let y0 = Int(top)
                func pixel(_ x: Int, _ y: Int) -> Float {
                    x >= 0 && y >= 0 && x < width && y < height ? source[y * width + x] : 0
                }
                let upper = pixel(x0, y0) * (1 - partX) + pixel(x0 + 1, y0) * partX
                let lower = pixel(x0, y0 + 1) * (1 - partX) + pixel(x0 + 1, y0 + 1) * partX
                target[row * width + column] = upper * (1 - partY) + lower * partY
            }
        }
    }

    /// The net's movement at a place from 0 to 1, bilinear between its corners.
    private func bend(atX x: Float, y: Float) -> (x: Float, y: Float) {
        let meshX = min(3, Int(x * 4))
        let meshY = min(3, Int(y * 4))
        let partX = x * 4 - Float(meshX)
        let partY = y * 4 - Float(meshY)
        func value(_ offset: Int) -> Float {
            let corner = offset + meshY * 5 + meshX
            let upper = net[corner] * (1 - partX) + net[corner + 1] * partX
            let lower = net[corner + 5] * (1 - partX) + net[corner + 6] * partX
            return upper * (1 - partY) + lower * partY
        }
        return (value(0), value(25))
    }
}
