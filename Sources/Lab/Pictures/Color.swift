internal import Glibc

/// A colour; components from 0 to 1.
public struct Color: Hashable, Sendable {
    public var red, green, blue, alpha: Double

    public init(red: Double, green: Double, blue: Double, alpha: Double = 1) {
        self.red = red
        self.green = green
        self.blue = blue
        self.alpha = alpha
    }

    /// As in a style sheet: `Color(0x0072B2)`.
    public init(_ hex: UInt32, alpha: Double = 1) {
        self.init(
            red: Double(hex >> 16 & 255) / 255, green: Double(hex >> 8 & 255) / 255, blue: Double(hex & 255) / 255,
            alpha: alpha)
    }

    /// As in a style sheet: `#0072B2`.
    public var hex: String {
        "#"
            + [red, green, blue].map { component in
                let digits = String(Int((min(1, max(0, component)) * 255).rounded()), radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
    }

    public init(gray: Double) { self.init(red: gray, green: gray, blue: gray) }

    public func opacity(_ alpha: Double) -> Color { Color(red: red, green: green, blue: blue, alpha: alpha) }

    /// The way from this colour to `other`, `part` of it gone.
    public func mixed(with other: Color, _ part: Double) -> Color {
        func mix(_ a: Double, _ b: Double) -> Double { a + (b - a) * part }
        return Color(
            red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue),
            alpha: mix(alpha, other.alpha))
    }

    /// How bright it looks, 0 to 1 (relative luminance of WCAG 2.1).
    public var luminance: Double {
        func linear(_ value: Double) -> Double { value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4) }
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// Black or white, whichever can be read on this colour.
    public var readable: Color { luminance > 0.3 ? .black : .white }

    public static let white = Color(0xFFFFFF), black = Color(0x000000)

    // Those below are parts to play: a dark theme has others for them.

    /// Of words: near black, which tires less than black.
    public static let text = Color(0x222222)
    /// Of what explains: axes' figures, notes.
    public static let faint = Color(0x666666)
    /// Of the lines behind curves, and of those between.
    public static let grid = Color(0xE4E4E4), minorGrid = Color(0xF1F1F1)
    /// Of an axis's own line.
    public static let axis = Color(0x999999)
    /// Of a place where nothing is.
    public static let empty = Color(0xF5F5F5)
    /// Of what is beside the palette: the learning rate, a threshold.
    public static let charcoal = Color(0x444444)

    // The palette of Okabe and Ito (2008), "Color Universal Design", that colour-blind people can tell apart.
    public static let azure = Color(0x0072B2), vermilion = Color(0xD55E00), bluishGreen = Color(0x009E73)
    public static let orange = Color(0xE69F00), skyBlue = Color(0x56B4E9), reddishPurple = Color(0xCC79A7)
    public static let yellow = Color(0xF0E442)

    /// For curves and bars, in the order in which they are given out. Yellow is left out: on white, and on a
    /// projector, it cannot be seen.
    public static let palette: [Color] = [
        .azure, .vermilion, .bluishGreen, .reddishPurple, .orange, .skyBlue, .charcoal,
    ]

    /// The colour that is given out at this place, from 0; past the palette's end they come again.
    package static func palette(at index: Int) -> Color { palette[index % palette.count] }
}
