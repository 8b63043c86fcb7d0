/// One thing to show, in several forms of which a front end takes the richest that it knows.
///
///     MimeBundle(text: "3 × 3 table", html: "<table>…</table>")
///     MimeBundle(png: bytes, width: 320, height: 240, text: "loss, falling")
///
/// Every bundle has a `text/plain` form, for terminals and for readers who cannot see the picture.
public struct MimeBundle: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case text(String)
        /// Raw bytes; the front end's encoding (base64 in Jupyter) is not applied here.
        case bytes([UInt8])
        case json(JSON)
    }

    /// By mime type.
    public var contents: [String: Content]
    /// By mime type; for pictures `width` and `height` in CSS pixels.
    public var metadata: [String: JSON]

    public init(contents: [String: Content], metadata: [String: JSON] = [:]) {
        self.contents = contents
        self.metadata = metadata
    }

    public init(text: String) {
        self.init(contents: ["text/plain": .text(text)])
    }

    public init(text: String, html: String) {
        self.init(contents: ["text/plain": .text(text), "text/html": .text(html)])
    }

    /// A sentence or two: in a page they break between words, as plain text does not there.
    public init(sentence: String) {
        self.init(text: sentence, html: "<div style=\"padding:2px 0\">\(sentence.escapedForHTML)</div>")
    }

    /// A PNG picture. `width` and `height` are CSS pixels: half the picture's own for a sharp one on a high-density screen.
    public init(png: [UInt8], width: Int, height: Int, text: String) {
        self.init(
            contents: ["text/plain": .text(text), "image/png": .bytes(png)],
            metadata: ["image/png": ["width": .integer(width), "height": .integer(height)]])
    }

    /// The `text/plain` form; empty where there is none.
    public var text: String {
        if case .text(let text)? = contents["text/plain"] { text } else { "" }
    }
}

/// What shows itself in a notebook as more than its description: tables, pictures, plots, runs.
public protocol Displayable: CustomStringConvertible {
    var mimeBundle: MimeBundle { get }
}

extension Displayable {
    /// Its plain text: what is seen of it inside of something else, an array or a tuple.
    public var description: String { mimeBundle.text }
}

extension MimeBundle: Displayable {
    public var mimeBundle: MimeBundle { self }

    /// The forms of any value: its own if it is `Displayable`, else its description.
    ///
    /// Strings are shown as Swift would write them (`"a\nb"`); use `print` for the characters themselves.
    public init(describing value: Any) {
        switch value {
        case let value as any Displayable: self = value.mimeBundle
        case let value as String: self.init(text: String(reflecting: value))
        default: self.init(text: String(describing: value))
        }
    }
}
