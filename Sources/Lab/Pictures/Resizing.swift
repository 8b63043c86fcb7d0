extension Image {
    /// How an image of other proportions becomes one of a given size (the names are those of DIGITS).
    public enum Fit: String, Sendable, Codable {
        /// Stretched along each axis by itself: everything is there, out of proportion.
        case squash
        /// In proportion until the area is full, and the middle cut out.
        case crop
        /// In proportion until all of it is inside, with black beside it.
        case fill
        /// Half of both: enlarged half-way between `crop` and `fill`.
        case halfCrop
    }

    /// The image in another size.
    ///
    /// Each new pixel is the mean of those it covers, weighted by a triangle (bilinear interpolation, wide enough not to
    /// skip pixels when an image shrinks).
    public func resized(width newWidth: Int, height newHeight: Int, fit: Fit = .squash) -> Image {
        guard newWidth > 0 && newHeight > 0 && width > 0 && height > 0 else {
            fatalError("Image.resized: \(height) × \(width) pixels cannot become \(newHeight) × \(newWidth).")
        }
        if newWidth == width && newHeight == height { return self }
        let acrossFactor = Double(newWidth) / Double(width)
        let downFactor = Double(newHeight) / Double(height)
        let cover = max(acrossFactor, downFactor)
        let inside = min(acrossFactor, downFactor)
        switch fit {
        case .squash: return stretched(newWidth, newHeight)
        case .crop: return scaled(by: cover).placed(newWidth, newHeight)
        case .fill: return scaled(by: inside).placed(newWidth, newHeight)
        case .halfCrop: return scaled(by: (cover + inside) / 2).placed(newWidth, newHeight)
        }
    }

    /// Without colours: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
    public var gray: Image {
        guard channels == 3 else { return self }
        var result = Image(width: width, height: height)
        for index in 0..<width * height {
            let red = Int(pixels[3 * index])
            let green = Int(pixels[3 * index + 1])
            let blue = Int(pixels[3 * index + 2])
            result.pixels[index] = UInt8((299 * red + 587 * green + 114 * blue + 500) / 1_000)
        }
        return result
    }

    /// With three channels, all the same where it is grey.
    public var colored: Image {
        guard channels == 1 else { return self }
        return Image(width: width, height: height, channels: 3, pixels: pixels.flatMap { [$0, $0, $0] })
    }

    /// The channels one after the other, `[channels, height, width]`, as data sets keep them.
    public var planes: [UInt8] {
        guard channels == 3 else { return pixels }
        let area = width * height
        var planes = [UInt8](repeating: 0, count: 3 * area)
        for pixel in 0..<area {
            for channel in 0..<3 { planes[channel * area + pixel] = pixels[pixel * 3 + channel] }
        }
        return planes
    }

    private func scaled(by factor: Double) -> Image {
        stretched(
            max(1, Int((Double(width) * factor).rounded())), max(1, Int((Double(height) * factor).rounded())))
    }

    /// Its middle on black, cut or surrounded as need be.
    private func placed(_ newWidth: Int, _ newHeight: Int) -> Image {
        var result = Image(width: newWidth, height: newHeight, channels: channels)
        let left = (newWidth - width) / 2
        let top = (newHeight - height) / 2
        for row in max(0, top)..<min(newHeight, top + height) {
            for column in max(0, left)..<min(newWidth, left + width) {
                for channel in 0..<channels {
                    result.pixels[(row * newWidth + column) * channels + channel] =
                        pixels[((row - top) * width + column - left) * channels + channel]
                }
            }
        }
        return result
    }

    private func stretched(_ newWidth: Int, _ newHeight: Int) -> Image {
        if newWidth == width && newHeight == height { return self }
        let across = Image.weights(from: width, to: newWidth)
        let down = Image.weights(from: height, to: newHeight)
        // First along the rows, then along the columns.
        var rows = [Float](repeating: 0, count: height * newWidth * channels)
        for row in 0..<height {
            for (column, weight) in across.enumerated() {
                for channel in 0..<channels {
                    var sum: Float = 0
                    for (offset, factor) in weight.factors.enumerated() {
                        sum += factor * Float(pixels[(row * width + weight.start + offset) * channels + channel])
                    }
                    rows[(row * newWidth + column) * channels + channel] = sum
                }
            }
        }
        var result = Image(width: newWidth, height: newHeight, channels: channels)
        let stride = newWidth * channels
        for (row, weight) in down.enumerated() {
            for index in 0..<stride {
                var sum: Float = 0
                for (offset, factor) in weight.factors.enumerated() {
                    sum += factor * rows[(weight.start + offset) * stride + index]
                }
                result.pixels[row * stride + index] = UInt8(min(255, max(0, sum.rounded())))
            }
        }
        return result
    }

    /// For each new pixel the old ones that it is the mean of, and how much each counts.
    private static func weights(from old: Int, to new: Int) -> [(start: Int, factors: [Float])] {
        let step = Double(old) / Double(new)
        let reach = max(step, 1)
        return (0..<new).map { index in
            let center = (Double(index) + 0.5) * step
            let start = max(0, Int((center - reach).rounded(.up) - 0.5))
            let end = min(old, Int((center + reach).rounded(.down) + 0.5) + 1)
            var factors = (start..<end).map { max(0, 1 - abs((Double($0) + 0.5 - center) / reach)) }
            let sum = factors.reduce(0, +)
            factors = factors.map { $0 / sum }
            return (start, factors.map(Float.init))
        }
    }
}
