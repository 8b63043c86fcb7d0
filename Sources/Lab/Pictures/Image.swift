import Display

/// A picture made of bytes: grey (1 channel) or red, green and blue (3).
///
///     let seven = try Image("seven.png")
///     seven                              // shows it, enlarged if it is small
///     seven[14, 7]                       // → [253]: row 14, column 7
public struct Image: Hashable, Sendable {
    public let width: Int
    public let height: Int
    /// 1 or 3.
    public let channels: Int
    /// Row by row from the top, each row from the left, the channels of a pixel side by side:
    /// `[height, width, channels]`. 0 is black.
    public internal(set) var pixels: [UInt8]

    /// A black image.
    public init(width: Int, height: Int, channels: Int = 1) {
        self.init(
            width: width, height: height, channels: channels,
            pixels: [UInt8](repeating: 0, count: width * height * channels))
    }

    /// An image of `pixels`, laid out `[height, width, channels]`.
    public init(width: Int, height: Int, channels: Int = 1, pixels: [UInt8]) {
        guard channels == 1 || channels == 3 else {
            fatalError("Image: \(channels) channels; 1 (grey) or 3 (red, green, blue) can be shown.")
        }
        guard pixels.count == width * height * channels else {
            fatalError("Image: \(pixels.count) pixels given for \(height) × \(width) × \(channels).")
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// An image whose channels lie one after the other, `[channels, height, width]`, as networks take them.
    public init(planes: some RandomAccessCollection<UInt8>, channels: Int, height: Int, width: Int) {
        if channels == 1 {
            self.init(width: width, height: height, channels: 1, pixels: Array(planes))
            return
        }
        let planes = Array(planes)
        let area = width * height
        var pixels = [UInt8](repeating: 0, count: area * channels)
        for channel in 0..<channels {
            for pixel in 0..<area { pixels[pixel * channels + channel] = planes[channel * area + pixel] }
        }
        self.init(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// Reads a PNG or a JPEG file, upright as its camera noted. Transparent parts are laid over white.
    ///
    /// - Throws: `FileError` when it is missing or damaged, or has more than 100 million pixels.
    public init(_ path: String) throws {
        let bytes = try readFile(path)
        // What a file is, its first bytes say; names lie.
        if bytes.starts(with: [0xFF, 0xD8]) {
            self = try JPEG.decode(bytes, path: path)
        } else if bytes.starts(with: [0x89, 0x50]) {
            self = try PNG.decode(bytes, path: path)
        } else {
            throw FileError(path, "is neither a PNG nor a JPEG file")
        }
    }

    /// Refuses sizes before memory is taken for them.
    ///
    /// A hundred million pixels are more than cameras make; a file of 100 kB can hold as many, all alike.
    /// - Parameter mostPixels: More than this many for each byte of the file are beyond what its format can pack.
    static func checkSize(width: Int, height: Int, path: String, count: Int, mostPixels: Int) throws {
        let size = "\(width.grouped) × \(height.grouped) pixels"
        guard width > 0, height > 0, width * height <= count * mostPixels else {
            throw FileError(path, "says it is \(size), which its \(count.grouped) bytes cannot hold")
        }
        guard width * height <= 100_000_000 else {
            throw FileError(path, "has \(size); up to 100 million are read: make it smaller first")
        }
    }

    /// The channels of one pixel.
    public subscript(row: Int, column: Int) -> [UInt8] {
        guard row >= 0 && row < height && column >= 0 && column < width else {
            fatalError("Image: row \(row), column \(column) is outside of \(height) rows and \(width) columns.")
        }
        let start = (row * width + column) * channels
        return Array(pixels[start..<start + channels])
    }

    /// Black for white: every byte from 255.
    public func inverted() -> Image {
        Image(width: width, height: height, channels: channels, pixels: pixels.map { 255 - $0 })
    }
}

extension Image: Picture, CustomStringConvertible {
    /// Small images are enlarged by a whole number, so that one can see their pixels.
    public var size: (width: Double, height: Double) {
        let factor = max(1, 224 / max(width, height, 1))
        return (Double(max(width, 1) * factor), Double(max(height, 1) * factor))
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) { canvas.draw(self, in: rectangle) }

    /// The bytes of a PNG file with exactly these pixels.
    public var png: [UInt8] { PNG.file(pixels, width: width, height: height, channels: channels) }

    public func write(to path: String) throws { try writeFile(png, to: path) }

    public var text: String {
        "image of \(height) × \(width) pixels, \(channels == 1 ? "grey" : "red, green and blue")"
    }
    public var description: String { text }

    /// Shows the image, each of its pixels `scale` CSS pixels wide.
    public func show(scale: Int = 8) {
        let canvas = Canvas(width: width * scale, height: height * scale)
        canvas.draw(self, in: canvas.bounds)
        display(canvas.mimeBundle(text: text))
    }
}
