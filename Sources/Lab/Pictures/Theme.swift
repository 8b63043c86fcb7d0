import Synchronization

/// Whether pictures are dark on light or light on dark.
///
///     Theme.current = .dark                  // for all pictures from here on
///
/// A picture of bytes cannot know the page it will be on, and its notebook may be opened under another theme tomorrow, or
/// printed. So a PNG is light unless told otherwise, and reads on any page; what the front end draws itself (plots
/// with values under the pointer) follows the front end's own theme, unless it was told otherwise, too.
public enum Theme: String, Sendable, Codable, CaseIterable {
    /// Light pictures, and plots in the colours of the page that they are on.
    case automatic
    case light
    case dark

    private static let chosen = Mutex(Theme.automatic)

    /// The theme of what is drawn from now on.
    public static var current: Theme {
        get { chosen.withLock { $0 } }
        set { chosen.withLock { $0 = newValue } }
    }

    /// Behind everything: white, or the colour of JupyterLab's dark pages.
    var background: Color { self == .dark ? Color(0x111111) : .white }

    /// What stands for a colour of `Color` here. Each is at least three times as bright or as dark as the background
    /// (WCAG 2.1, 1.4.11), words seven times.
    func color(_ color: Color) -> Color {
        guard self == .dark, let dark = Theme.darkColors[color.opacity(1)] else { return color }
        return dark.opacity(color.alpha)
    }

    private static let darkColors: [Color: Color] = [
        .text: Color(0xE8E8E8), .faint: Color(0xAAAAAA), .grid: Color(0x3A3A3A), .minorGrid: Color(0x262626),
        .axis: Color(0x888888), .empty: Color(0x242424), .azure: Color(0x4BA3E3), .vermilion: Color(0xF0803C),
        .bluishGreen: Color(0x2DBE96), .charcoal: Color(0xC4C4C4),
    ]
}
