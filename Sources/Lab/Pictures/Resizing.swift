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
        let across = Weights(from: width, to: newWidth)
        let down = Weights(from: height, to: newHeight)
        let channels = channels
        let stride = newWidth * channels
        // First along the rows, then along the columns.
        let rows = [Float](unsafeUninitializedCapacity: height * stride) { rows, count in
            pixels.withUnsafeBufferPointer { pixels in
                for row in 0..<height {
                    for column in 0..<newWidth {
                        let start = pixels.baseAddress! + (row * width + across.starts[column]) * channels
                        let factors = across.factors(of: column)
                        for channel in 0..<channels {
                            var sum: Float = 0
                            for offset in factors.indices {
                                sum += factors[offset] * Float(start[offset * channels + channel])
                            }
                            rows[(row * newWidth + column) * channels + channel] = sum
                        }
                    }
                }
            }
            count = height * stride
        }
        let result = [UInt8](unsafeUninitializedCapacity: newHeight * stride) { result, count in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: stride) { sums in
                rows.withUnsafeBufferPointer { rows in
                    for row in 0..<newHeight {
                        sums.update(repeating: 0)
                        let factors = down.factors(of: row)
                        for offset in factors.indices {
                            let source = rows.baseAddress! + (down.starts[row] + offset) * stride
                            let factor = factors[offset]
                            for index in 0..<stride { sums[index] += factor * source[index] }
                        }
                        for index in 0..<stride {
                            // Nothing is below nought: adding a half and cutting off rounds.
                            result[row * stride + index] = UInt8(min(255, sums[index] + 0.5))
                        }
                    }
                }
            }
            count = newHeight * stride
        }
        return Image(width: newWidth, height: newHeight, channels: channels, pixels: result)
    }

    /// For each new pixel the old ones that it is the mean of, and how much each counts.
    private final class Weights {
        private(set) var starts: [Int] = []
        /// Where each new pixel's factors begin in `all`, and where the last end.
        private var ends = [0]
        private let all: UnsafeMutableBufferPointer<Float>

        init(from old: Int, to new: Int) {
            let step = Double(old) / Double(new)
            let reach = max(step, 1)
            var factors: [Float] = []
            for index in 0..<new {
                let center = (Double(index) + 0.5) * step
                let start = max(0, Int((center - reach).rounded(.up) - 0.5))
                let end = min(old, Int((center + reach).rounded(.down) + 0.5) + 1)
                let own = (start..<end).map { max(0, 1 - abs((Double($0) + 0.5 - center) / reach)) }
                let sum = own.reduce(0, +)
                starts.append(start)
                factors += own.map { Float($0 / sum) }
                ends.append(factors.count)
            }
            all = .allocate(capacity: factors.count)
            _ = all.initialize(from: factors)
        }

        deinit { all.deallocate() }

        func factors(of index: Int) -> UnsafeMutableBufferPointer<Float> {
            UnsafeMutableBufferPointer(rebasing: all[ends[index]..<ends[index + 1]])
        }
    }
}
