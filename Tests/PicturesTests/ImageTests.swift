import CTurboJPEG
import Display
import Testing

@testable import Pictures

/// An image as the bytes of a JPEG file, at quality 95 and with all its colours.
private func jpeg(_ image: Image, flags: Int32 = 0) -> [UInt8] {
    let encoder = tjInitCompress()
    defer { tjDestroy(encoder) }
    var buffer: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    let isGray = image.channels == 1
    tjCompress2(
        encoder, image.pixels, Int32(image.width), 0, Int32(image.height),
        Int32(isGray ? TJPF_GRAY.rawValue : TJPF_RGB.rawValue), &buffer, &size,
        Int32(isGray ? TJSAMP_GRAY.rawValue : TJSAMP_444.rawValue), 95, flags)
    defer { tjFree(buffer) }
    return Array(UnsafeBufferPointer(start: buffer, count: Int(size)))
}

/// Brighter to the right and redder to the bottom.
private func slope(width: Int, height: Int, channels: Int) -> Image {
    var pixels: [UInt8] = []
    for row in 0..<height {
        for column in 0..<width {
            let bright = UInt8(column * 255 / max(width - 1, 1))
            let red = UInt8(row * 255 / max(height - 1, 1))
            pixels += channels == 1 ? [bright] : [red, bright, bright]
        }
    }
    return Image(width: width, height: height, channels: channels, pixels: pixels)
}

@Suite struct JPEGTests {
    @Test(arguments: [1, 3]) func anImageComesBackNearlyAsItWas(channels: Int) throws {
        let image = slope(width: 40, height: 24, channels: channels)
        let read = try JPEG.decode(jpeg(image), path: "slope.jpg")
        #expect((read.width, read.height, read.channels) == (40, 24, channels))
        // Quality 95 leaves a smooth slope within a few levels.
        #expect(zip(read.pixels, image.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 12 })
    }

    @Test func aFileThatIsCutShortIsNamedWithItsSize() {
        let bytes = jpeg(slope(width: 64, height: 64, channels: 3))
        let half = Array(bytes.prefix(bytes.count / 2))
        let error = #expect(throws: FileError.self) { try JPEG.decode(half, path: "rose/17.jpg") }
        #expect(error?.description == "rose/17.jpg: is cut short (\(half.count.grouped) bytes are there)")
    }

    @Test func aHeaderThatLiesAboutTheSizeCostsNoMemory() throws {
        var bytes = jpeg(slope(width: 16, height: 16, channels: 1))
        // The frame header (marker FF C0): length, precision, then height and width, 16 bits each (ITU-T T.81, B.2.2).
        let frame = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
        let error = #expect(throws: FileError.self) { try JPEG.decode(bytes, path: "liar.jpg") }
        #expect(error?.description.hasPrefix("liar.jpg: says it is 65,500 × 65,500 pixels, which its ") == true)
    }

    @Test func aProgressiveFileIsReadAsAnyOther() throws {
        let image = slope(width: 40, height: 24, channels: 3)
        let bytes = jpeg(image, flags: TJFLAG_PROGRESSIVE)
        // Marker FF C2 begins the frame of a progressive file (ITU-T T.81, table B.1).
        #expect(bytes.indices.dropLast().contains { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC2 })
        let read = try JPEG.decode(bytes, path: "a.jpg")
        #expect(zip(read.pixels, image.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 12 })
    }

    @Test func aFileForPrintBecomesLight() throws {
        // 16 × 16 pixels as Adobe stores them: 255 is no ink. No cyan, half magenta, all yellow, no black.
        let inks = (0..<256).flatMap { _ in [255, 128, 0, 255] as [UInt8] }
        let encoder = tjInitCompress()
        defer { tjDestroy(encoder) }
        var buffer: UnsafeMutablePointer<UInt8>?
        var size: UInt = 0
        tjCompress2(
            encoder, inks, 16, 0, 16, Int32(TJPF_CMYK.rawValue), &buffer, &size, Int32(TJSAMP_444.rawValue), 95, 0)
        defer { tjFree(buffer) }
        let image = try JPEG.decode(Array(UnsafeBufferPointer(start: buffer, count: Int(size))), path: "print.jpg")
        #expect(image.channels == 3)
        #expect(zip(image[8, 8], [255, 128, 0]).allSatisfy { abs(Int($0) - $1) <= 4 })
    }

    @Test(arguments: 1...8) func aPhotographIsTurnedUpright(orientation: Int) throws {
        // White in one corner: where it lies in the scene tells how the image was turned (Exif 2.3, 4.6.4).
        var image = Image(width: 32, height: 16)
        for row in 0..<8 { for column in 0..<8 { image.pixels[row * 32 + column] = 255 } }
        var bytes = jpeg(image)
        // A TIFF header, big-endian, with one entry: tag 0x0112, a short, one of them, its value.
        let exif: [UInt8] =
            Array("Exif\0\0MM".utf8) + [
                0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(orientation), 0, 0,
            ]
            + [0, 0, 0, 0]
        bytes.insert(contentsOf: [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif, at: 2)
        #expect(JPEG.orientation(bytes) == orientation)
        let upright = try JPEG.decode(bytes, path: "a.jpg")
        #expect((upright.width, upright.height) == (orientation < 5 ? (32, 16) : (16, 32)))
        let isWhite = { (row: Int, column: Int) in upright[row, column][0] > 200 }
        let (bottom, right) = (upright.height - 1, upright.width - 1)
        let corners = [isWhite(0, 0), isWhite(0, right), isWhite(bottom, right), isWhite(bottom, 0)]
        // Row 0 and column 0 of the stored image meet top left (1, 5), top right (2, 6), bottom right (3, 7), bottom left (4, 8).
        #expect(corners.firstIndex(of: true) == (orientation - 1) % 4)
        #expect(corners.count { $0 } == 1)
    }

    @Test func exifThatLiesIsPassedOver() {
        for length in [0, 4, 200] {
            let exif = Array("Exif\0\0II".utf8) + [42, 0, 255, 255, 255, 127]
            let bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE1, 0, UInt8(length)] + exif
            #expect(JPEG.orientation(bytes) == 1)
        }
    }

    @Test func anyByteThatFlipsGivesAnImageOrASentence() {
        let bytes = jpeg(slope(width: 24, height: 16, channels: 3))
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x55
            do { _ = try JPEG.decode(damaged, path: "a.jpg") } catch {
                #expect("\(error)".hasPrefix("a.jpg: "))
            }
        }
    }

    @Test func theContentDecidesAndNotTheName() throws {
        let path = "/tmp/swift-lab-pictures-\(UInt32.random(in: 0...UInt32.max)).png"
        try writeFile(jpeg(slope(width: 8, height: 8, channels: 1)), to: path)
        #expect(try Image(path).width == 8)
        try writeFile(Array("GIF89a".utf8), to: path)
        let error = #expect(throws: FileError.self) { try Image(path) }
        #expect(error?.description == "\(path): is neither a PNG nor a JPEG file")
    }
}

@Suite struct ResizingTests {
    @Test func aSlopeStaysASlope() {
        let image = slope(width: 64, height: 64, channels: 1)
        for size in [16, 100] {
            let resized = image.resized(width: size, height: size)
            let row = (0..<size).map { Int(resized[size / 2, $0][0]) }
            #expect(zip(row, row.dropFirst()).allSatisfy { $0 <= $1 })
            // Its middle is half-way, 127.5, but for half a pixel's step of at most 16 levels.
            #expect(abs(row[size / 2] - 128) <= 9)
        }
    }

    @Test func halvingIsTheMeanAndLosesNoPixel() {
        // One white pixel of 8 × 8 keeps its share of the light, but for the outermost, which count for the edge too.
        for place in [27, 28, 35, 36] {
            var pixels = [UInt8](repeating: 0, count: 64)
            pixels[place] = 255
            let small = Image(width: 8, height: 8, pixels: pixels).resized(width: 4, height: 4)
            let light = small.pixels.reduce(0) { $0 + Int($1) }
            // A quarter of 255, and rounding of up to nine pixels.
            #expect(abs(light - 64) <= 8)
        }
    }

    @Test func fitsKeepProportionsAsTheySay() {
        // Twice as wide as high: a white image.
        let wide = Image(width: 20, height: 10, pixels: [UInt8](repeating: 255, count: 200))
        func white(_ fit: Image.Fit) -> Int { wide.resized(width: 10, height: 10, fit: fit).pixels.count { $0 == 255 } }
        #expect(white(.squash) == 100)
        #expect(white(.crop) == 100)
        // Inside it is 10 × 5.
        #expect(white(.fill) == 50)
        // Half-way between 10 × 5 and 20 × 10 is 15 × 7.5: 8 rows of the 10.
        #expect(white(.halfCrop) == 80)
    }

    @Test func greyIsTheEyesWeightOfTheColors() {
        let image = Image(width: 3, height: 1, channels: 3, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255])
        #expect(image.gray.pixels == [76, 150, 29])
        #expect(image.gray.colored.pixels == [76, 76, 76, 150, 150, 150, 29, 29, 29])
        #expect(image.planes == [255, 0, 0, 0, 255, 0, 0, 0, 255])
    }
}
