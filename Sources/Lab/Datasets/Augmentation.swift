import Display

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

extension Augmentation {
    /// Why it cannot be done with images of this size; `nil` where it can.
    func problem(height: Int, width: Int) -> String? {
        let side = Double(max(height, width))
        let (name, value, most, unit): (String, Double, Double, String) =
            switch kind {
            case .rotate(let degrees): ("rotate", degrees, 360, "degrees")
            case .shift(let pixels): ("shift", pixels, side, "pixels")
            case .scale(let part): ("scale", part, 10, "times")
            case .shear(let degrees): ("shear", degrees, 80, "degrees")
            case .elastic(let pixels): ("elastic", pixels, side, "pixels")
            case .flip(let horizontal, let probability):
                (horizontal ? "flipHorizontally" : "flipVertically", probability, 1, "probability")
            case .quarterTurns: ("quarterTurns", 0, 0, "")
            case .crop(let padding): ("crop", Double(padding), side, "pixels of padding")
            case .noise(let deviation): ("noise", deviation, 10, "from black to white")
            case .contrast(let part): ("contrast", part, 100, "times")
            case .brightness(let amount): ("brightness", amount, 1, "from black to white")
            case .invert(let probability): ("invert", probability, 1, "probability")
            case .hue(let degrees): ("hue", degrees, 360, "degrees")
            case .saturation(let part): ("saturation", part, 100, "times")
            case .erase(let probability): ("erase", probability, 1, "probability")
            }
        if kind == .quarterTurns && height != width {
            return "images of \(height) × \(width) pixels have no quarter turns"
        }
        guard !(value >= 0 && value <= most) else { return nil }
        return "\(name) is \(value.significant(6)); choose 0 to \(most.significant(6)) (\(unit))"
    }
}

extension Augmentation: CustomStringConvertible {
    public var description: String {
        // Runs are told apart by it, too: exact.
        func percent(_ part: Double) -> String { (part * 100).significant(6) + " %" }
        func chance(_ probability: Double) -> String {
            probability == 1 ? "" : ", \(percent(probability)) of the time"
        }
        return switch kind {
        case .rotate(let degrees): "rotate ±\(degrees.significant(6))°"
        case .shift(let pixels): "shift ±\(pixels.significant(6)) pixels"
        case .scale(let part): "scale ±\(percent(part))"
        case .shear(let degrees): "shear ±\(degrees.significant(6))°"
        case .elastic(let pixels): "elastic ±\(pixels.significant(6)) pixels"
        case .flip(let horizontal, let probability):
            "flip \(horizontal ? "left–right" : "top–bottom")\(chance(probability))"
        case .quarterTurns: "quarter turns"
        case .crop(let padding): "crop, padding \(padding)"
        case .noise(let deviation): "noise \(deviation.significant(6))"
        case .contrast(let part): "contrast ±\(percent(part))"
        case .brightness(let amount): "brightness ±\(amount.significant(6))"
        case .invert(let probability): "invert\(chance(probability))"
        case .hue(let degrees): "hue ±\(degrees.significant(6))°"
        case .saturation(let part): "saturation ±\(percent(part))"
        case .erase(let probability): "erase\(chance(probability))"
        }
    }
}
