internal import CCairo

extension Canvas {
    public enum Alignment: Sendable { case left, center, right }

    /// The families tried first to last, each character in the first that has it. The second is wherever Cairo is.
    private static let families = ["Liberation Sans", "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans Symbols2"]

    func setUpText() {
        let options = cairo_font_options_create()
        // Widths that do not depend on the grid of pixels: text keeps its place when a picture is updated.
        cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
        cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
        cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
        cairo_set_font_options(context, options)
        cairo_font_options_destroy(options)
    }

    private func select(_ family: Int, size: Double, bold: Bool) {
        cairo_select_font_face(
            context, Canvas.families[family], CAIRO_FONT_SLANT_NORMAL,
            bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        cairo_set_font_size(context, size)
    }

    /// Cuts a text where another font has to be taken. Plain ASCII, the usual case, is one piece of the first.
    private func runs(of text: String, size: Double, bold: Bool) -> [(family: Int, text: String)] {
        if text.utf8.allSatisfy({ $0 < 128 }) { return [(0, text)] }
        var runs: [(family: Int, text: String)] = []
        for character in text {
            let piece = String(character)
            let family =
                piece.utf8.count == 1
                ? 0 : Canvas.families.indices.first { hasGlyphs($0, piece, size: size, bold: bold) } ?? 1
            if runs.last?.family == family { runs[runs.count - 1].text += piece } else { runs.append((family, piece)) }
        }
        return runs
    }

    private func hasGlyphs(_ family: Int, _ text: String, size: Double, bold: Bool) -> Bool {
        select(family, size: size, bold: bold)
        var glyphs: UnsafeMutablePointer<cairo_glyph_t>?
        var count: Int32 = 0
        let status = cairo_scaled_font_text_to_glyphs(
            cairo_get_scaled_font(context), 0, 0, text, -1, &glyphs, &count, nil, nil, nil)
        defer { cairo_glyph_free(glyphs) }
        guard status == CAIRO_STATUS_SUCCESS, let glyphs else { return false }
        // Glyph 0 is the box that stands for a character which the font lacks.
        return (0..<Int(count)).allSatisfy { glyphs[$0].index != 0 }
    }

    public func width(of text: String, size: Double = 12, bold: Bool = false) -> Double {
        runs(of: text, size: size, bold: bold).reduce(0) { $0 + advance($1, size: size, bold: bold) }
    }

    private func advance(_ run: (family: Int, text: String), size: Double, bold: Bool) -> Double {
        select(run.family, size: size, bold: bold)
        var extents = cairo_text_extents_t()
        cairo_text_extents(context, run.text, &extents)
        return extents.x_advance
    }

    /// Writes one line whose baseline passes through (x, y). `quarterTurn` writes it from below to above.
    public func text(
        _ text: String, x: Double, y: Double, size: Double = 12, bold: Bool = false, color: Color = .text,
        align: Alignment = .left, quarterTurn: Bool = false
    ) {
        let runs = runs(of: text, size: size, bold: bold)
        let widths = runs.map { advance($0, size: size, bold: bold) }
        let total = widths.reduce(0, +)
        var offset =
            switch align {
            case .left: 0.0
            case .center: -total / 2
            case .right: -total
            }
        cairo_save(context)
        cairo_translate(context, x, y)
        if quarterTurn { cairo_rotate(context, -.pi / 2) }
        use(color)
        for (run, width) in zip(runs, widths) {
            select(run.family, size: size, bold: bold)
            cairo_move_to(context, offset, 0)
            cairo_show_text(context, run.text)
            offset += width
        }
        cairo_restore(context)
    }

    /// `text`, shortened with an ellipsis until it fits into `width`.
    public func fitting(_ text: String, width: Double, size: Double = 12, bold: Bool = false) -> String {
        // Half a pixel too much is no reason: what was measured to fit must fit.
        if self.width(of: text, size: size, bold: bold) <= width + 0.5 { return text }
        var short = text
        while !short.isEmpty, self.width(of: short + "…", size: size, bold: bold) > width { short.removeLast() }
        return short + "…"
    }

    /// `text` in lines of at most `width`, broken between words.
    public func wrapped(_ text: String, width: Double, size: Double = 12, bold: Bool = false) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, self.width(of: "\(last) \(word)", size: size, bold: bold) <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(fitting(String(word), width: width, size: size, bold: bold))
            }
        }
        return lines
    }
}
