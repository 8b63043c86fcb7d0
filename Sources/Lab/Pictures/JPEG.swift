internal import CTurboJPEG
import Display

/// JPEG files, read with libjpeg-turbo.
enum JPEG {
    /// The image in a JPEG file, turned upright. Grey files become grey images; those for print (CMYK) red, green and
    /// blue.
    static func decode(_ bytes: [UInt8], path: String) throws -> Image {
        guard let decoder = tjInitDecompress() else { throw FileError(path, "no memory to read it") }
        defer { tjDestroy(decoder) }
        var width: Int32 = 0
        var height: Int32 = 0
        var sampling: Int32 = 0
        var colors: Int32 = 0
        let size = UInt(bytes.count)
        guard tjDecompressHeader3(decoder, bytes, size, &width, &height, &sampling, &colors) == 0 else {
            throw FileError(path, "is a damaged JPEG file (\(message(decoder)))")
        }
        // A block of 8 × 8 pixels takes a bit at least: a header that asks for more lies.
        try Image.checkSize(
            width: Int(width), height: Int(height), path: path, count: bytes.count, mostPixels: 8 * 64)
        let isGray = sampling == TJSAMP_GRAY.rawValue
        let isForPrint = colors == TJCS_CMYK.rawValue || colors == TJCS_YCCK.rawValue
        let format = isGray ? TJPF_GRAY : isForPrint ? TJPF_CMYK : TJPF_RGB
        let channels = isGray ? 1 : isForPrint ? 4 : 3
        var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * channels)
        // A progressive file may refine its image any number of times, each as long as reading it whole: after 500
        // libjpeg-turbo stops.
        let status = pixels.withUnsafeMutableBufferPointer { pixels in
            tjDecompress2(
                decoder, bytes, size, pixels.baseAddress, width, 0, height, Int32(format.rawValue),
                TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)
        }
        let warning = status == 0 ? "" : message(decoder)
        // Bytes between the parts of a file, which some cameras leave there, do no harm.
        if status != 0 && !warning.contains("extraneous bytes") {
            // libjpeg fills what is missing with grey and warns: "Premature end of JPEG file".
            guard !warning.hasPrefix("Premature end") else {
                throw FileError(path, "is cut short (\(bytes.count.grouped) bytes are there)")
            }
            throw FileError(path, "is a damaged JPEG file (\(warning))")
        }
        if isForPrint { pixels = lightOfInks(pixels) }
        let image = Image(width: Int(width), height: Int(height), channels: isGray ? 1 : 3, pixels: pixels)
        return image.upright(orientation: orientation(bytes))
    }

    /// Red, green and blue of cyan, magenta, yellow and black. Adobe's files, which all are that one meets, store how
    /// much paper shows: 255 is no ink.
    private static func lightOfInks(_ inks: [UInt8]) -> [UInt8] {
        var light: [UInt8] = []
        light.reserveCapacity(inks.count / 4 * 3)
        for pixel in stride(from: 0, to: inks.count, by: 4) {
            let black = Int(inks[pixel + 3])
            for ink in 0..<3 { light.append(UInt8((Int(inks[pixel + ink]) * black + 127) / 255)) }
        }
        return light
    }

    /// How the camera was held: 1 to 8, as tag 274 of Exif 2.3 numbers it; 1, upright, where the file does not say.
    static func orientation(_ bytes: [UInt8]) -> Int {
        // A file is made of segments: FF, what it is, its length in two bytes, content (ITU-T T.81, B.1.1.4).
        var place = 2
        while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
            let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
            guard length >= 2, place + 2 + length <= bytes.count else { break }
            let content = bytes[place + 4..<place + 2 + length]
            if bytes[place + 1] == 0xE1, content.starts(with: Array("Exif\0\0".utf8)) {
                return tiffOrientation(Array(content.dropFirst(6)))
            }
            place += 2 + length
        }
        return 1
    }

    /// The orientation in the first directory of a TIFF header: entries of 12 bytes, tag, type, count and value.
    private static func tiffOrientation(_ tiff: [UInt8]) -> Int {
        let isLittle = tiff.starts(with: [0x49, 0x49])
        func number(_ at: Int, _ length: Int) -> Int? {
            guard at >= 0, at + length <= tiff.count else { return nil }
            let bytes = tiff[at..<at + length]
            return (isLittle ? bytes.reversed() : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
        }
        guard let directory = number(4, 4), let entries = number(directory, 2) else { return 1 }
        for entry in 0..<entries {
            let start = directory + 2 + 12 * entry
            guard let tag = number(start, 2) else { return 1 }
            if tag == 274, let value = number(start + 8, 2), (1...8).contains(value) { return value }
        }
        return 1
    }

    private static func message(_ decoder: tjhandle) -> String { String(cString: tjGetErrorStr2(decoder)) }
}

extension Image {
    /// The image turned from how its camera was held to how the scene was.
    ///
    /// - Parameter orientation: Where row 0 and column 0 of the stored image are in the scene: 1 top left, 2 top right,
    ///   3 bottom right, 4 bottom left; 5 to 8 the same with rows for columns (Exif 2.3, 4.6.4).
    func upright(orientation: Int) -> Image {
        guard (2...8).contains(orientation) else { return self }
        let isTurned = orientation >= 5
        var result = Image(width: isTurned ? height : width, height: isTurned ? width : height, channels: channels)
        for row in 0..<result.height {
            for column in 0..<result.width {
                let (right, bottom) = (result.width - 1 - column, result.height - 1 - row)
                let (fromRow, fromColumn) =
                    switch orientation {
                    case 2: (row, right)
                    case 3: (bottom, right)
                    case 4: (bottom, column)
                    case 5: (column, row)
                    case 6: (right, row)
                    case 7: (right, bottom)
                    default: (column, bottom)
                    }
                let source = (fromRow * width + fromColumn) * channels
                let target = (row * result.width + column) * channels
                for channel in 0..<channels { result.pixels[target + channel] = pixels[source + channel] }
            }
        }
        return result
    }
}
