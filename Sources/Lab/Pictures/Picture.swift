import Display

/// What can be drawn: plots, grids of images, charts. Shown in a notebook as a PNG picture; plots with values under the
/// pointer, where the front end can draw them itself.
///
///     let plot = LinePlot(…)
///     plot                              // shows it
///     try plot.write(to: "loss.png")
public protocol Picture: Displayable {
    /// The size it looks best in, in CSS pixels.
    var size: (width: Double, height: Double) { get }
    func draw(on canvas: Canvas, in rectangle: Rectangle)
    /// What it shows, in words and figures, for terminals and for readers who cannot see it.
    var text: String { get }
    /// The same as a specification of Vega-Lite 5, for front ends that draw it themselves; `nil` where that would show no
    /// more than the picture, or would be too large.
    var vegaLite: JSON? { get }
}

extension Picture {
    public var vegaLite: JSON? { nil }
    public var description: String { text }

    public var mimeBundle: MimeBundle {
        let picture = pictureBundle
        guard let vegaLite else { return picture }
        return picture.adding(vegaLite: vegaLite)
    }

    /// PNG and text alone: for what is replaced several times a second. A plot that the front end draws itself would be taken
    /// down and built up anew each time, which flickers.
    public var pictureBundle: MimeBundle { drawn().mimeBundle(text: text) }

    /// The bytes of a PNG file, two of its pixels for each CSS pixel.
    public var png: [UInt8] { drawn().png() }

    public func write(to path: String) throws { try writeFile(png, to: path) }

    private func drawn() -> Canvas {
        let canvas = Canvas(width: Int(size.width.rounded(.up)), height: Int(size.height.rounded(.up)))
        draw(on: canvas, in: canvas.bounds)
        return canvas
    }
}
