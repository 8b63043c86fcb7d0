internal import CCairo

extension Image {
    /// An image in red, green and blue that is drawn, each CSS pixel one of its own. It is no picture of something but the thing
    /// itself, which a network may be asked about: on a dark page it is the same.
    ///
    ///     let seven = Image(width: 28, height: 28) { canvas in
    ///         canvas.text("7", x: 14, y: 24, size: 28, bold: true, align: .center)
    ///     }
    public init(width: Int, height: Int, drawing: (Canvas) -> Void) {
        let canvas = Canvas(width: width, height: height, scale: 1, theme: .light)
        drawing(canvas)
        cairo_surface_flush(canvas.surface)
        let stride = Int(cairo_image_surface_get_stride(canvas.surface))
        let bytes = UnsafeRawPointer(cairo_image_surface_get_data(canvas.surface)!)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for row in 0..<height {
            for column in 0..<width {
                let color = bytes.load(fromByteOffset: row * stride + column * 4, as: UInt32.self)
                pixels += [UInt8(color >> 16 & 255), UInt8(color >> 8 & 255), UInt8(color & 255)]
            }
        }
        self.init(width: width, height: height, channels: 3, pixels: pixels)
    }
}
