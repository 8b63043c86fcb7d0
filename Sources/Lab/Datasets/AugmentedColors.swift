internal import Glibc
import Tensors

func cosine(_ angle: Double) -> Double { cos(angle) }
func sine(_ angle: Double) -> Double { sin(angle) }

extension Augmentation {
    /// Changes the values of an image, `[channels, height, width]` from 0 to 1, where it stands.
    func recolor(
        _ image: UnsafeMutableBufferPointer<Float>, channels: Int, height: Int, width: Int,
        using generator: inout RandomGenerator
    ) {
        func amount(_ bound: Double) -> Double { (generator.double() * 2 - 1) * bound }
        func limit() {
            for index in image.indices { image[index] = min(1, max(0, image[index])) }
        }
        switch kind {
        case .noise(let deviation):
            var index = 0
            while index < image.count {
                // Box and Muller's way, two at a time, in single precision: noise needs no more.
                let radius = (-2 * logf(1 - generator.float())).squareRoot() * Float(deviation)
                let angle = 2 * Float.pi * generator.float()
                image[index] += radius * cosf(angle)
                if index + 1 < image.count { image[index + 1] += radius * sinf(angle) }
                index += 2
            }
            limit()
        case .contrast(let part):
            let way = amount(part)
            let factor = Float(way < 0 ? 1 / (1 - way) : 1 + way)
            let mean = image.reduce(0, +) / Float(max(image.count, 1))
            for index in image.indices { image[index] = mean + (image[index] - mean) * factor }
            limit()
        case .brightness(let bound):
            let shift = Float(amount(bound))
            for index in image.indices { image[index] += shift }
            limit()
        case .invert(let probability):
            if generator.double() < probability { for index in image.indices { image[index] = 1 - image[index] } }
        case .hue(let degrees):
            turnHue(by: amount(degrees) * .pi / 180, image, channels: channels, area: height * width)
            limit()
        case .saturation(let part):
            guard channels == 3 else { return }
            let factor = Float(1 + amount(part))
            let area = height * width
            for pixel in 0..<area {
                let gray = 0.299 * image[pixel] + 0.587 * image[area + pixel] + 0.114 * image[2 * area + pixel]
                for channel in 0..<3 {
                    let index = channel * area + pixel
                    image[index] = gray + (image[index] - gray) * factor
                }
            }
            limit()
        case .erase(let probability):
            guard generator.double() < probability else { return }
            let part = 0.02 + 0.18 * generator.double()
            let ratio = 0.3 + 3 * generator.double()
            let rows = min(height, max(1, Int((part * Double(height * width) * ratio).squareRoot().rounded())))
            let columns = min(width, max(1, Int((part * Double(height * width) / ratio).squareRoot().rounded())))
            let top = generator.below(height - rows + 1)
            let left = generator.below(width - columns + 1)
            let color = (0..<channels).map { _ in generator.float() }
            for channel in 0..<channels {
                for row in top..<top + rows {
                    for column in left..<left + columns {
                        image[(channel * height + row) * width + column] = color[channel]
                    }
                }
            }
        case .rotate, .shift, .scale, .shear, .elastic, .flip, .quarterTurns, .crop: break
        }
    }

    /// Turns colours around the grey axis, which keeps their sum (Rodrigues' formula for the axis (1, 1, 1)).
    private func turnHue(by angle: Double, _ image: UnsafeMutableBufferPointer<Float>, channels: Int, area: Int) {
        guard channels == 3 else { return }
        let cosine = Float(cos(angle))
        let sine = Float(sin(angle)) / Float(3).squareRoot()
        for pixel in 0..<area {
            let (red, green, blue) = (image[pixel], image[area + pixel], image[2 * area + pixel])
            let along = (red + green + blue) / 3 * (1 - cosine)
            image[pixel] = red * cosine + (blue - green) * sine + along
            image[area + pixel] = green * cosine + (red - blue) * sine + along
            image[2 * area + pixel] = blue * cosine + (green - red) * sine + along
        }
    }
}
