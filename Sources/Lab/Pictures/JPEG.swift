internal import CTurboJPEG
import Display

/// JPEG files, read with libjpeg-turbo.
enum JPEG {
    /// The image in a JPEG file. Grey files become grey images.
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
        guard width > 0, height > 0, Int(width) * Int(height) <= bytes.count * 512 else {
            throw FileError(
                path,
                "says it is \(Int(width).grouped) × \(Int(height).grouped) pixels, which its \(bytes.count.grouped) bytes cannot hold"
            )
        }
        let isGray = sampling == TJSAMP_GRAY.rawValue
        var image = Image(width: Int(width), height: Int(height), channels: isGray ? 1 : 3)
        let format = isGray ? TJPF_GRAY.rawValue : TJPF_RGB.rawValue
        let status = image.pixels.withUnsafeMutableBufferPointer { pixels in
            tjDecompress2(
                decoder, bytes, size, pixels.baseAddress, width, 0, height, Int32(format), TJFLAG_ACCURATEDCT)
        }
        guard status == 0 else {
            // libjpeg fills what is missing with grey and warns: "Premature end of JPEG file".
            let warning = message(decoder)
            guard !warning.hasPrefix("Premature end") else {
                throw FileError(path, "is cut short (\(bytes.count.grouped) bytes are there)")
            }
            throw FileError(path, "is a damaged JPEG file (\(warning))")
        }
        return image
    }

    private static func message(_ decoder: tjhandle) -> String { String(cString: tjGetErrorStr2(decoder)) }
}
