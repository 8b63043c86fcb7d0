internal import CCairo
import Display

/// A surface to draw on, measured in CSS pixels with the origin at the top left.
///
///     let canvas = Canvas(width: 320, height: 200)
///     canvas.fill(Rectangle(x: 20, y: 20, width: 100, height: 40), .azure)
///     canvas.text("loss", x: 20, y: 90)
///     canvas.png()
///
/// It is drawn at twice that density, which is what high-density screens show, in the colours of a theme, the page's
/// unless given. Drawn with Cairo, antialiased.
public final class Canvas {
    public let width: Int
    public let height: Int
    /// Picture pixels for each CSS pixel.
    public let scale: Int
    public let theme: Theme
    let surface: OpaquePointer
    let context: OpaquePointer

    public init(width: Int, height: Int, scale: Int = 2, theme: Theme? = nil) {
        // Cairo's own limit is 32,767 pixels a side; 10,000 CSS pixels keep a picture under 1.6 GB.
        guard (1...10_000).contains(width), (1...10_000).contains(height), (1...3).contains(scale) else {
            fatalError("Canvas: \(width) × \(height) pixels cannot be drawn; 1 to 10,000 a side can.")
        }
        self.width = width
        self.height = height
        self.scale = scale
        self.theme = theme ?? .ofPage
        surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width * scale), Int32(height * scale))
        context = cairo_create(surface)
        guard cairo_status(context) == CAIRO_STATUS_SUCCESS else {
            fatalError("Canvas: no memory for a picture of \(width * scale) × \(height * scale) pixels.")
        }
        cairo_scale(context, Double(scale), Double(scale))
        cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
        setUpText()
        fill(Rectangle(x: 0, y: 0, width: Double(width), height: Double(height)), self.theme.background)
    }

    deinit {
        cairo_destroy(context)
        cairo_surface_destroy(surface)
    }

    public var bounds: Rectangle { Rectangle(x: 0, y: 0, width: Double(width), height: Double(height)) }

    func use(_ color: Color) {
        let color = theme.color(color)
        cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha)
    }

    public func fill(_ rectangle: Rectangle, _ color: Color, cornerRadius: Double = 0) {
        use(color)
        trace(rectangle, cornerRadius)
        cairo_fill(context)
    }

    /// Fills with a colour that is the theme's already.
    func fill(_ rectangle: Rectangle, exactly color: Color, cornerRadius: Double = 0) {
        cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha)
        trace(rectangle, cornerRadius)
        cairo_fill(context)
    }

    public func stroke(_ rectangle: Rectangle, _ color: Color, lineWidth: Double = 1, cornerRadius: Double = 0) {
        use(color)
        cairo_set_line_width(context, lineWidth)
        trace(rectangle, cornerRadius)
        cairo_stroke(context)
    }

    private func trace(_ r: Rectangle, _ radius: Double) {
        guard radius > 0 else { return cairo_rectangle(context, r.x, r.y, r.width, r.height) }
        let radius = min(radius, r.width / 2, r.height / 2)
        cairo_new_sub_path(context)
        cairo_arc(context, r.right - radius, r.y + radius, radius, -.pi / 2, 0)
        cairo_arc(context, r.right - radius, r.bottom - radius, radius, 0, .pi / 2)
        cairo_arc(context, r.x + radius, r.bottom - radius, radius, .pi / 2, .pi)
        cairo_arc(context, r.x + radius, r.y + radius, radius, .pi, 1.5 * .pi)
        cairo_close_path(context)
    }

    public func circle(x: Double, y: Double, radius: Double, _ color: Color) {
        use(color)
        cairo_new_sub_path(context)
        cairo_arc(context, x, y, radius, 0, 2 * .pi)
        cairo_fill(context)
    }

    /// Filled; its last corner is joined to its first.
    public func polygon(_ corners: [(x: Double, y: Double)], _ color: Color) {
        use(color)
        // Text leaves a point behind, from which a line would come.
        cairo_new_path(context)
        for corner in corners { cairo_line_to(context, corner.x, corner.y) }
        cairo_close_path(context)
        cairo_fill(context)
    }

    /// Straight lines through the points. A point that is no number leaves a gap.
    public func line(
        _ points: [(x: Double, y: Double)], _ color: Color, lineWidth: Double = 1, dashes: [Double] = []
    ) {
        use(color)
        cairo_set_line_width(context, lineWidth)
        cairo_set_dash(context, dashes, Int32(dashes.count), 0)
        var isDown = false
        for point in points {
            if !point.x.isFinite || !point.y.isFinite {
                isDown = false
            } else if isDown {
                cairo_line_to(context, point.x, point.y)
            } else {
                cairo_move_to(context, point.x, point.y)
                isDown = true
            }
        }
        cairo_stroke(context)
        cairo_set_dash(context, nil, 0, 0)
    }

    public func line(
        fromX x0: Double, y y0: Double, toX x1: Double, y y1: Double, _ color: Color, lineWidth: Double = 1,
        dashes: [Double] = []
    ) {
        line([(x0, y0), (x1, y1)], color, lineWidth: lineWidth, dashes: dashes)
    }

    /// Draws with everything outside `rectangle` left as it is.
    public func clipped(to rectangle: Rectangle, _ draw: () -> Void) {
        cairo_save(context)
        cairo_rectangle(context, rectangle.x, rectangle.y, rectangle.width, rectangle.height)
        cairo_clip(context)
        draw()
        cairo_restore(context)
    }

    /// Stretches an image over `rectangle`. Enlarged, its pixels stay squares with sharp edges.
    public func draw(_ image: Image, in rectangle: Rectangle) {
        guard image.width > 0 && image.height > 0 else { return }
        let stride = Int(cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, Int32(image.width)))
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: stride * image.height, alignment: 4)
        defer { bytes.deallocate() }
        image.pixels.withUnsafeBufferPointer { pixels in
            let channels = image.channels
            for y in 0..<image.height {
                let row = (bytes + y * stride).assumingMemoryBound(to: UInt32.self)
                var source = y * image.width * channels
                for x in 0..<image.width {
                    let red = UInt32(pixels[source])
                    let green = channels == 3 ? UInt32(pixels[source + 1]) : red
                    let blue = channels == 3 ? UInt32(pixels[source + 2]) : red
                    row[x] = red << 16 | green << 8 | blue
                    source += channels
                }
            }
        }
        let picture = cairo_image_surface_create_for_data(
            bytes.assumingMemoryBound(to: UInt8.self), CAIRO_FORMAT_RGB24, Int32(image.width), Int32(image.height),
            Int32(stride))
        cairo_save(context)
        cairo_translate(context, rectangle.x, rectangle.y)
        cairo_scale(context, rectangle.width / Double(image.width), rectangle.height / Double(image.height))
        cairo_set_source_surface(context, picture, 0, 0)
        let enlarged = rectangle.width * Double(scale) >= Double(image.width)
        cairo_pattern_set_filter(cairo_get_source(context), enlarged ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD)
        cairo_rectangle(context, 0, 0, Double(image.width), Double(image.height))
        cairo_fill(context)
        cairo_restore(context)
        cairo_surface_finish(picture)
        cairo_surface_destroy(picture)
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// - Parameter keepsEveryShade: Rare shades at the edges of letters and lines may otherwise be a little off, for a
    ///   file a third as long in a third of the time.
    public func png(keepsEveryShade: Bool = false) -> [UInt8] {
        cairo_surface_flush(surface)
        let stride = Int(cairo_image_surface_get_stride(surface))
        let data = UnsafeRawPointer(cairo_image_surface_get_data(surface)!)
        return PNG.encode(
            data, width: width * scale, height: height * scale, stride: stride, keepsEveryShade: keepsEveryShade)
    }

    /// The picture as it is displayed. `text` is what a terminal, or a reader who cannot see, gets instead.
    public func mimeBundle(text: String) -> MimeBundle {
        MimeBundle(png: png(), width: width, height: height, text: text)
    }
}

/// A rectangle in CSS pixels; y grows downward.
public struct Rectangle: Hashable, Sendable {
    public var x, y, width, height: Double

    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public var right: Double { x + width }
    public var bottom: Double { y + height }
    public var centerX: Double { x + width / 2 }
    public var centerY: Double { y + height / 2 }

    public func inset(left: Double = 0, top: Double = 0, right: Double = 0, bottom: Double = 0) -> Rectangle {
        Rectangle(x: x + left, y: y + top, width: max(0, width - left - right), height: max(0, height - top - bottom))
    }
}
