import Display

/// Specifications of Vega-Lite 5 (the version that JupyterLab 4 draws), and what is common to those of all plots.
enum VegaLite {
    static let mimeType = "application/vnd.vegalite.v5+json"

    /// More data than this many characters stay a PNG alone: a notebook is read and saved whole.
    static let mostCharacters = 400_000

    /// A whole specification, in the colours of the current theme.
    ///
    /// `automatic` names no colours but the data's: the front end has its own for light and dark pages.
    static func specification(title: String?, data: String, parse: [String: String], _ view: [String: JSON]) -> JSON? {
        guard data.utf8.count <= mostCharacters else { return nil }
        var members = view
        members["$schema"] = "https://vega.github.io/schema/vega-lite/v5.json"
        if let title { members["title"] = ["text": .string(title), "anchor": "start", "fontSize": 15] }
        members["data"] = [
            "values": .string(data),
            "format": ["type": "csv", "parse": .object(parse.mapValues { .string($0) })],
        ]
        members["config"] = configuration
        return .object(members)
    }

    private static var configuration: JSON {
        let theme = Theme.current
        let words: [String: JSON] = ["labelFontSize": 12, "titleFontSize": 12.5, "titleFontWeight": "normal"]
        guard theme != .automatic else {
            // A grey that is faint on white and on black.
            let axis = words.merging(["gridColor": "#888888", "gridOpacity": 0.25]) { $1 }
            return [
                "background": "transparent", "view": ["stroke": nil], "axis": .object(axis), "legend": .object(words),
            ]
        }
        func color(_ color: Color) -> JSON { .string(theme.color(color).hex) }
        let colors: [String: JSON] = ["labelColor": color(.faint), "titleColor": color(.text)]
        return [
            "background": .string(theme.background.hex), "view": ["stroke": nil], "title": ["color": color(.text)],
            "axis": .object(
                words.merging(colors) { $1 }.merging([
                    "gridColor": color(.grid), "domainColor": color(.axis), "tickColor": color(.axis),
                ]) { $1 }),
            "legend": .object(words.merging(colors.merging(["labelColor": color(.text)]) { $1 }) { $1 }),
        ]
    }

    /// The colour of data: on a page of unknown theme one that is three times as dark as white and three times as bright as
    /// Vega's dark grey, where the palette has such a one.
    static func color(_ color: Color) -> String {
        let theme = Theme.current
        if theme == .automatic {
            if color == .azure { return "#1a85d0" }
            if color == .charcoal { return "#808080" }
        }
        return theme.color(color).hex
    }

    /// A number in a line of CSV; nothing where it is none.
    static func number(_ value: Double, digits: Int) -> String { value.isFinite ? value.significant(digits) : "" }

    /// A field of CSV, in quotation marks (RFC 4180).
    static func quoted(_ text: String) -> String {
        "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A word in an expression of Vega's.
    static func literal(_ text: String) -> String {
        var result = "'"
        for character in text {
            switch character {
            case "'", "\\": result += "\\\(character)"
            case "\n", "\r": result += " "
            default: result.append(character)
            }
        }
        return result + "'"
    }

    static func literal(_ texts: [String]) -> String { "[" + texts.map(literal).joined(separator: ",") + "]" }

    /// Words in the specification itself.
    static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

    enum Place { case across, left, right }

    /// Scale and axis of a placed axis: the same range and kind as in the PNG, the caption above the axes that go up.
    ///
    /// - Parameter isNamed: Without it the axis has neither title nor figures, because those of the panel below are its own.
    static func channel(
        _ field: String, _ axis: Axis, _ placed: PlacedAxis, at place: Place, color: String? = nil, isNamed: Bool = true
    ) -> JSON {
        var scale: [String: JSON] = [
            "domain": [.number(placed.range.lowerBound), .number(placed.range.upperBound)], "nice": false,
            "zero": false,
        ]
        if placed.scale == .logarithmic { scale["type"] = "log" }
        // The same figures as in the PNG; of those between, lines alone.
        let named = placed.ticks.filter { !$0.label.isEmpty }
        var look: [String: JSON] = [
            "title": .string(axis.caption), "values": .array(named.map { .number($0.value) }), "labelOverlap": true,
        ]
        look["grid"] = .bool(place != .right)
        if placed.scale == .logarithmic { look["format"] = placed.range.lowerBound < 1e-4 ? "~g" : ",~r" }
        if place != .across {
            look["titleAngle"] = 0
            look["titleBaseline"] = "bottom"
            look["titleAlign"] = place == .left ? "left" : "right"
            look["titleX"] = 0
            look["titleY"] = -8
            if place == .right { look["orient"] = "right" }
        }
        if !isNamed { look.merge(["title": nil, "labels": false, "ticks": false]) { $1 } }
        if let color { look["titleColor"] = .string(color) }
        return ["field": .string(field), "type": "quantitative", "scale": .object(scale), "axis": .object(look)]
    }

    static func legend(_ names: [String], symbol: String) -> JSON {
        // Many stand beside the plot, as in the PNG.
        let isAbove = names.count <= 8
        return [
            // Between a legend above and the plot stands the caption of the axis.
            "offset": isAbove ? 24 : 18,
            "title": nil, "orient": isAbove ? "top" : "right", "labelLimit": 260, "symbolType": .string(symbol),
            "columns": .integer(
                isAbove ? min(names.count, max(1, 96 / ((names.map(\.count).max() ?? 0) + 6))) : (names.count + 15) / 16
            ),
            "symbolLimit": 60,
            // A line as long as its dashes take to be seen as such.
            "symbolSize": symbol == "stroke" ? 500 : 60, "symbolStrokeWidth": 2,
        ]
    }

    /// Names for a scale, which needs all of them different.
    static func distinct(_ names: [String]) -> [String] {
        var seen: [String: Int] = [:]
        return names.map { name in
            seen[name, default: 0] += 1
            return seen[name]! == 1 ? name : "\(name) (\(seen[name]!))"
        }
    }
}

extension MimeBundle {
    /// The bundle with a plot that the front end draws itself: sharp at any size, without a menu beside it.
    func adding(vegaLite: JSON) -> MimeBundle {
        var bundle = self
        bundle.contents[VegaLite.mimeType] = .json(vegaLite)
        bundle.metadata[VegaLite.mimeType] = ["embed_options": ["actions": false, "renderer": "svg"]]
        return bundle
    }
}
