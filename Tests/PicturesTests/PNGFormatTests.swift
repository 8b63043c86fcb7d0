import CZlib
import Display
import Testing

@testable import Pictures

/// PNG files put together by hand, chunk by chunk (PNG specification, 2nd edition), so that what libpng makes of them is held
/// against the specification.
private struct HandMadePNG {
    var width = 4
    var height = 4
    var depth = 8
    /// 0 grey, 2 red, green and blue, 3 palette, 4 grey and alpha, 6 red, green, blue and alpha.
    var colorType = 0
    var isInterlaced = false
    var palette: [UInt8] = []
    /// The bytes of the pixel at (row, column), at 8 or 16 bits a sample.
    var pixel: (Int, Int) -> [UInt8] = { _, _ in [0] }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        return bigEndian(content.count) + body + bigEndian(Int(crc32(0, body, UInt32(body.count))))
    }

    static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var length = compressBound(UInt(bytes.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        compress2(&packed, &length, bytes, UInt(bytes.count), 9)
        return Array(packed.prefix(Int(length)))
    }

    var header: [UInt8] {
        HandMadePNG.chunk(
            "IHDR",
            HandMadePNG.bigEndian(width) + HandMadePNG.bigEndian(height)
                + [UInt8(depth), UInt8(colorType), 0, 0, isInterlaced ? 1 : 0])
    }

    func file(content: [UInt8]? = nil) -> [UInt8] {
        // Adam7: where each pass starts and how far its pixels are apart (PNG specification, 8.2).
        let passes =
            isInterlaced
            ? [
                (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
            ] : [(0, 0, 1, 1)]
        var rows: [UInt8] = []
        for (top, left, down, across) in passes {
            for row in stride(from: top, to: height, by: down) where left < width {
                rows.append(0)
                for column in stride(from: left, to: width, by: across) { rows += pixel(row, column) }
            }
        }
        let plte = palette.isEmpty ? [] : HandMadePNG.chunk("PLTE", palette)
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + header + plte
            + HandMadePNG.chunk("IDAT", HandMadePNG.deflated(content ?? rows)) + HandMadePNG.chunk("IEND", [])
    }
}

@Suite struct PNGFormatTests {
    @Test func sixteenBitsBecomeTheNearestEight() throws {
        let png = HandMadePNG(depth: 16, pixel: { row, column in [UInt8(row * 60 + column), 0x80] })
        let image = try PNG.decode(png.file(), path: "16.png")
        #expect(image.channels == 1)
        for row in 0..<4 {
            for column in 0..<4 {
                // (v · 256 + 128) / 65,535 · 255 lies within one level of v.
                #expect(abs(Int(image[row, column][0]) - (row * 60 + column)) <= 1)
            }
        }
    }

    @Test func aPaletteBecomesItsColors() throws {
        let png = HandMadePNG(
            colorType: 3, palette: [10, 20, 30, 200, 100, 50], pixel: { row, column in [UInt8((row + column) % 2)] })
        let image = try PNG.decode(png.file(), path: "palette.png")
        #expect(image[0, 0] == [10, 20, 30] && image[0, 1] == [200, 100, 50])
    }

    @Test func anInterlacedFileIsPutInOrder() throws {
        let png = HandMadePNG(
            width: 9, height: 10, isInterlaced: true, pixel: { row, column in [UInt8(row * 20 + column)] })
        let image = try PNG.decode(png.file(), path: "interlaced.png")
        #expect(image.pixels == (0..<10).flatMap { row in (0..<9).map { UInt8(row * 20 + $0) } })
    }

    @Test func transparentPartsAreLaidOverWhite() throws {
        // Black at alpha 0, 51 (a fifth) and 255: white, four fifths of white, black.
        let alphas: [UInt8] = [0, 51, 255, 128]
        let gray = HandMadePNG(colorType: 4, pixel: { _, column in [0, alphas[column]] })
        let image = try PNG.decode(gray.file(), path: "grey.png")
        #expect(image.channels == 1)
        #expect((0..<4).map { image[0, $0][0] } == [255, 204, 0, 127])
        let color = HandMadePNG(colorType: 6, pixel: { _, column in [255, 0, 100, alphas[column]] })
        #expect(try PNG.decode(color.file(), path: "color.png")[2, 1] == [255, 204, 224])
    }

    @Test func aWrongChecksumIsSaid() throws {
        var bytes = HandMadePNG().file()
        // The last 12 bytes are the end's chunk; before them lies the checksum of the pixels.
        bytes[bytes.count - 13] ^= 1
        let error = #expect(throws: FileError.self) { try PNG.decode(bytes, path: "a.png") }
        #expect(
            error?.description
                == "a.png: is a damaged PNG file (a checksum does not fit its content); copy it again")
    }

    @Test func pixelsThatAreMissingAreSaid() throws {
        let error = #expect(throws: FileError.self) {
            try PNG.decode(HandMadePNG().file(content: [0, 1, 2]), path: "a.png")
        }
        #expect(error?.description.hasPrefix("a.png: is a damaged PNG file (") == true)
    }

    @Test func aHeaderThatLiesAboutTheSizeCostsNoMemory() throws {
        let bytes = HandMadePNG(width: 30_000, height: 30_000, pixel: { _, _ in [] }).file(content: [0, 1, 2, 3])
        let error = #expect(throws: FileError.self) { try PNG.decode(bytes, path: "liar.png") }
        #expect(
            error?.description
                == "liar.png: says it is 30,000 × 30,000 pixels, which its \(bytes.count) bytes cannot hold")
    }

    @Test func aBombIsRefusedBeforeItTakesMemory() throws {
        // 30,000 × 30,000 pixels of 8 bits all alike are 900 MB, packed to about 900 kB by deflate.
        var png = HandMadePNG(width: 30_000, height: 30_000)
        png.pixel = { _, _ in [0] }
        let bytes =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + png.header
            + HandMadePNG.chunk("IDAT", [UInt8](repeating: 0, count: 900_000)) + HandMadePNG.chunk("IEND", [])
        let error = #expect(throws: FileError.self) { try PNG.decode(bytes, path: "bomb.png") }
        #expect(
            error?.description
                == "bomb.png: has 30,000 × 30,000 pixels; up to 100 million are read: make it smaller first")
    }

    @Test func anyByteThatFlipsGivesAnImageOrASentence() throws {
        let bytes = HandMadePNG(width: 16, height: 16, pixel: { row, column in [UInt8(row * 16 + column)] }).file()
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x55
            do { _ = try PNG.decode(damaged, path: "a.png") } catch let error as FileError {
                #expect(error.description.hasPrefix("a.png: "))
            }
        }
        // Without the last chunk, which only says that it is the last, all pixels are there.
        for length in 0..<bytes.count - 12 {
            #expect(throws: FileError.self) { try PNG.decode(Array(bytes.prefix(length)), path: "a") }
        }
    }
}
