internal import CPNG
import Display

/// PNG files, written and read by libpng: through its "simplified" functions, which keep the setjmp that its errors
/// take, and that Swift cannot have, to themselves.
enum PNG {
    /// Encodes 32-bit pixels (Cairo's RGB24: blue lowest, the highest byte unused), rows `stride` bytes apart.
    ///
    /// Up to 256 colours become a palette, 1 byte a pixel or less; more become 3 bytes a pixel. Where not every shade
    /// needs to be kept, the rare shades at the edges of letters and lines are replaced by ones no more than 24 of 255
    /// away, if that makes a palette suffice: the file of a plot is a third as long then, and written in a quarter of
    /// the time.
    static func encode(
        _ data: UnsafeRawPointer, width: Int, height: Int, stride: Int, keepsEveryShade: Bool
    ) -> [UInt8] {
        func indexed(isExact: Bool) -> IndexedPixels? {
            IndexedPixels(data, width: width, height: height, stride: stride, isExact: isExact)
        }
        if let indexed = indexed(isExact: true) ?? (keepsEveryShade ? nil : indexed(isExact: false)),
            let (numbers, palette) = indexed.numbers(keepsEveryShade: keepsEveryShade)
        {
            // Only greys: their own values say more than numbers into a palette, and a reader sees that it is grey.
            if palette.allSatisfy({ $0 >> 16 == $0 & 255 && $0 >> 8 & 255 == $0 & 255 }) {
                let values = palette.map { UInt8($0 & 255) }
                return file(numbers.map { values[Int($0)] }, width: width, height: height, channels: 1)
            }
            let colors = palette.flatMap { [UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)] }
            return file(numbers, width: width, height: height, channels: 1, palette: colors)
        }
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { pixels, count in
            var out = 0
            for y in 0..<height {
                let row = (data + y * stride).assumingMemoryBound(to: UInt32.self)
                for x in 0..<width {
                    let color = row[x]
                    pixels[out] = UInt8(truncatingIfNeeded: color >> 16)
                    pixels[out + 1] = UInt8(truncatingIfNeeded: color >> 8)
                    pixels[out + 2] = UInt8(truncatingIfNeeded: color)
                    out += 3
                }
            }
            count = out
        }
        return file(pixels, width: width, height: height, channels: 3)
    }

    /// The bytes of a file of grey (1 channel) or coloured (3) pixels `[height, width, channels]`, or of numbers into a
    /// palette, whose colours are 3 bytes each.
    static func file(
        _ pixels: [UInt8], width: Int, height: Int, channels: Int, palette: [UInt8]? = nil
    ) -> [UInt8] {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        image.width = UInt32(width)
        image.height = UInt32(height)
        image.format = UInt32(channels == 3 || palette != nil ? PNG_FORMAT_FLAG_COLOR : 0)
        if let palette {
            image.format |= UInt32(PNG_FORMAT_FLAG_COLORMAP)
            image.colormap_entries = UInt32(palette.count / 3)
        }
        // Without filters and at zlib's level 3: on a plot level 6 takes three times as long for a file 15 % shorter.
        // On photographs, which have no palette, filters are worth their time.
        if channels == 1 { image.flags = UInt32(PNG_IMAGE_FLAG_FAST) }
        // What deflate cannot shorten grows by an eighth at most (PNG_ZLIB_MAX_SIZE); headers and a palette come to it.
        let length = pixels.count + height
        let capacity = length + length / 8 + length / 64 + length / 512 + 2_048
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var size = capacity
            let isWritten = png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, pixels, 0, palette)
            guard isWritten != 0 else { fatalError("PNG: \(message(&image)) (\(width) × \(height) pixels)") }
            count = size
        }
    }

    /// The image in a PNG file. Transparent parts are laid over white; 16 bits become 8, palettes their colours.
    static func decode(_ bytes: [UInt8], path: String) throws -> Image {
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
            throw FileError(path, "is not a PNG file")
        }
        // libpng's errors point back at this: it must not move.
        let image = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
        image.initialize(to: png_image())
        image.pointee.version = UInt32(PNG_IMAGE_VERSION)
        defer {
            png_image_free(image)
            image.deallocate()
        }
        return try bytes.withUnsafeBytes { bytes in
            guard png_image_begin_read_from_memory(image, bytes.baseAddress, bytes.count) != 0 else {
                throw failure(message(image), path: path, count: bytes.count)
            }
            let width = Int(image.pointee.width)
            let height = Int(image.pointee.height)
            // Deflate makes 1,032 bytes of one at most, and a pixel takes an eighth of a byte at least.
            try Image.checkSize(width: width, height: height, path: path, count: bytes.count, mostPixels: 8 * 1_032)
            let format = image.pointee.format
            let isGray = format & UInt32(PNG_FORMAT_FLAG_COLOR) == 0
            let hasAlpha = format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
            let channels = isGray ? 1 : 3
            image.pointee.format = format & UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
            // Without it, 16-bit samples that say nothing of their gamma would be taken for linear light, and brightened.
            image.pointee.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
            let stored = channels + (hasAlpha ? 1 : 0)
            var read: Int32 = 0
            var pixels = [UInt8](unsafeUninitializedCapacity: width * height * stored) { pixels, count in
                read = png_image_finish_read(image, nil, pixels.baseAddress, 0, nil)
                count = read == 0 ? 0 : width * height * stored
            }
            guard read != 0 else { throw failure(message(image), path: path, count: bytes.count) }
            if hasAlpha { pixels = overWhite(pixels, channels: channels) }
            return Image(width: width, height: height, channels: channels, pixels: pixels)
        }
    }

    /// `channels` of colour and one of alpha for each pixel, laid over white.
    private static func overWhite(_ pixels: [UInt8], channels: Int) -> [UInt8] {
        let count = pixels.count / (channels + 1)
        return [UInt8](unsafeUninitializedCapacity: count * channels) { result, filled in
            for pixel in 0..<count {
                let alpha = Int(pixels[pixel * (channels + 1) + channels])
                for channel in 0..<channels {
                    let color = Int(pixels[pixel * (channels + 1) + channel])
                    result[pixel * channels + channel] = UInt8((color * alpha + 255 * (255 - alpha) + 127) / 255)
                }
            }
            filled = count * channels
        }
    }

    private static func failure(_ message: String, path: String, count: Int) -> FileError {
        if message.contains("beyond end of data") || message.contains("Read Error") {
            return FileError(path, "is cut short (\(count.grouped) bytes are there)")
        }
        if message.contains("CRC error") {
            return FileError(path, "is a damaged PNG file (a checksum does not fit its content); copy it again")
        }
        return FileError(path, "is a damaged PNG file (\(message))")
    }

    private static func message(_ image: UnsafeMutablePointer<png_image>) -> String {
        withUnsafeBytes(of: &image.pointee.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
