import Display
import Synchronization

/// Whether pictures are dark on light or light on dark.
///
///     Theme.current = .dark                  // for all pictures from here on
///
/// Unless told otherwise, a picture is as the page is when it is drawn. A PNG stays so when its notebook is opened under
/// another theme tomorrow, or printed: it has a background of its own and reads on any page. What the front end draws itself
/// (plots with values under the pointer) follows the front end's theme also later.
public enum Theme: String, Sendable, Codable, CaseIterable {
    /// As the page is, as far as the front end knows (JupyterLab's chosen theme); else light.
    case automatic
    case light
    case dark

    private static let chosen = Mutex(Theme.automatic)

    /// The theme of what is drawn from now on.
    public static var current: Theme {
        get { chosen.withLock { $0 } }
        set { chosen.withLock { $0 = newValue } }
    }

    /// What is drawn now is drawn in: light or dark.
    package static var ofPage: Theme {
        switch current {
        case .automatic: frontend.isDark ? .dark : .light
        case .light, .dark: current
        }
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
