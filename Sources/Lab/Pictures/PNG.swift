internal import CCairo
internal import CZlib
import Display

/// PNG files: written here, because a plot has few colours and a file with a palette is written four times as fast
/// as Cairo's (and is half as long); read by Cairo.
enum PNG {
    /// Encodes 32-bit pixels (Cairo's RGB24: blue lowest, the highest byte unused), rows `stride` bytes apart.
    ///
    /// Up to 256 colours become a palette, 1 byte a pixel; more become 3 bytes a pixel. Where not every shade needs to
    /// be kept, the rare shades at the edges of letters and lines are replaced by ones no more than 8 of 255 away, if
    /// that makes a palette suffice.
    static func encode(
        _ data: UnsafeRawPointer, width: Int, height: Int, stride: Int, keepsEveryShade: Bool
    ) -> [UInt8] {
        if let indexed = IndexedPixels(data, width: width, height: height, stride: stride),
            let (rows, palette) = indexed.rows(keepsEveryShade: keepsEveryShade)
        {
            // Only greys: their own values say more than numbers into a palette, and a reader sees that it is grey.
            if palette.allSatisfy({ $0 >> 16 == $0 & 255 && $0 >> 8 & 255 == $0 & 255 }) {
                let values = palette.map { UInt8($0 & 255) }
                var gray = rows
                for row in 0..<height {
                    for index in row * (width + 1) + 1..<(row + 1) * (width + 1) {
                        gray[index] = values[Int(rows[index])]
                    }
                }
                return file(width: width, height: height, colorType: 0, rows: gray, palette: nil)
            }
            var colors: [UInt8] = []
            for color in palette { colors += [UInt8(color >> 16 & 255), UInt8(color >> 8 & 255), UInt8(color & 255)] }
            return file(width: width, height: height, colorType: 3, rows: rows, palette: colors)
        }
        let rowLength = 1 + width * 3
        let rows = [UInt8](unsafeUninitializedCapacity: rowLength * height) { rows, count in
            var out = 0
            for y in 0..<height {
                let row = (data + y * stride).assumingMemoryBound(to: UInt32.self)
                rows[out] = 0
                out += 1
                for x in 0..<width {
                    let color = row[x]
                    rows[out] = UInt8(truncatingIfNeeded: color >> 16)
                    rows[out + 1] = UInt8(truncatingIfNeeded: color >> 8)
                    rows[out + 2] = UInt8(truncatingIfNeeded: color)
                    out += 3
                }
            }
            count = rowLength * height
        }
        return file(width: width, height: height, colorType: 2, rows: rows, palette: nil)
    }

    private static func file(
        width: Int, height: Int, colorType: UInt8, rows: [UInt8], palette: [UInt8]?
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        func append(_ type: String, _ content: [UInt8]) {
            let body = Array(type.utf8) + content
            bytes += bigEndian(content.count) + body
            bytes += bigEndian(Int(crc32(0, body, UInt32(body.count))))
        }
        append("IHDR", bigEndian(width) + bigEndian(height) + [8, colorType, 0, 0, 0])
        if let palette { append("PLTE", palette) }
        append("IDAT", deflated(rows))
        append("IEND", [])
        return bytes
    }

    /// Compressed at level 3: on a plot level 6 takes three times as long for a file 15 % shorter.
    private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var length = compressBound(UInt(bytes.count))
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            let status = compress2(buffer.baseAddress!, &length, bytes, UInt(bytes.count), 3)
            guard status == Z_OK else { fatalError("PNG: no memory to compress \(bytes.count) bytes.") }
            count = Int(length)
        }
    }

    /// The image in a PNG file. Transparent parts are laid over white.
    static func decode(_ bytes: [UInt8], path: String) throws -> Image {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), bytes.count >= 33 else {
            throw FileError(path, "is not a PNG file")
        }
        // The header comes first (PNG specification, 11.2.2): width, height, depth, colour type. 0 and 4 are grey.
        func bigEndian(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        let width = bigEndian(16)
        let height = bigEndian(20)
        let isGray = bytes[25] == 0 || bytes[25] == 4
        // More pixels than this many for each byte is beyond what deflate can do (1 to 1,032): the header lies.
        guard (1...32_767).contains(width), (1...32_767).contains(height), width * height / 8 <= bytes.count * 1_040
        else {
            throw FileError(
                path,
                "says it is \(width.grouped) × \(height.grouped) pixels, which its \(bytes.count.grouped) bytes cannot hold"
            )
        }
        var reader = Reader(bytes: bytes)
        let surface = withUnsafeMutablePointer(to: &reader) { reader in
            cairo_image_surface_create_from_png_stream(
                { closure, data, length in
                    let reader = closure!.assumingMemoryBound(to: Reader.self)
                    let end = reader.pointee.position + Int(length)
                    guard end <= reader.pointee.bytes.count else { return CAIRO_STATUS_READ_ERROR }
                    reader.pointee.bytes.withUnsafeBytes { bytes in
                        UnsafeMutableRawBufferPointer(start: data, count: Int(length))
                            .copyMemory(from: .init(rebasing: bytes[reader.pointee.position..<end]))
                    }
                    reader.pointee.position = end
                    return CAIRO_STATUS_SUCCESS
                }, reader)
        }
        defer { cairo_surface_destroy(surface) }
        switch cairo_surface_status(surface) {
        case CAIRO_STATUS_SUCCESS: break
        case CAIRO_STATUS_READ_ERROR: throw FileError(path, "is cut short (\(bytes.count.grouped) bytes are there)")
        case CAIRO_STATUS_NO_MEMORY:
            throw FileError(path, "no memory for \(width.grouped) × \(height.grouped) pixels, or the file is damaged")
        default: throw FileError(path, "is a damaged PNG file")
        }
        guard let data = cairo_image_surface_get_data(surface) else { throw FileError(path, "is a damaged PNG file") }
        let stride = Int(cairo_image_surface_get_stride(surface))
        let hasAlpha = cairo_image_surface_get_format(surface) == CAIRO_FORMAT_ARGB32
        let channels = isGray ? 1 : 3
        var image = Image(width: width, height: height, channels: channels)
        image.pixels.withUnsafeMutableBufferPointer { pixels in
            var out = 0
            for y in 0..<height {
                let row = UnsafeRawPointer(data + y * stride).assumingMemoryBound(to: UInt32.self)
                for x in 0..<width {
                    let color = row[x]
                    // Cairo's colours are multiplied by alpha already: over white means adding what alpha leaves.
                    let white = hasAlpha ? 255 - (color >> 24) : 0
                    func component(_ shift: UInt32) -> UInt8 { UInt8(min(255, (color >> shift & 255) + white)) }
                    pixels[out] = component(16)
                    if channels == 3 {
                        pixels[out + 1] = component(8)
                        pixels[out + 2] = component(0)
                    }
                    out += channels
                }
            }
        }
        return image
    }

    private struct Reader {
        var bytes: [UInt8]
        var position = 0
    }
}
