import Display
import Pictures

extension Sample: Displayable {
    public var mimeBundle: MimeBundle { picture.mimeBundle }

    /// The image large, with its numbers: every pixel's where they fit, else how often which values come.
    public var picture: any Picture { SamplePicture(sample: self) }
}

private struct SamplePicture: Picture {
    let sample: Sample
    private let image: Image

    init(sample: Sample) {
        self.sample = sample
        image = sample.image
    }

    /// Three figures can be read from 20 pixels' width on.
    private var hasNumbers: Bool { image.channels == 1 && max(image.width, image.height) <= 32 }

    /// CSS pixels for each of the image's.
    private var scale: Double {
        let longest = Double(max(image.width, image.height, 1))
        return hasNumbers ? max(20, (320 / longest).rounded(.down)) : max(1, (320 / longest).rounded(.down))
    }
    /// Larger than the page are shown smaller.
    private var shown: (width: Double, height: Double) {
        let (width, height) = (Double(image.width) * scale, Double(image.height) * scale)
        let shrink = min(1, 640 / max(width, height, 1))
        return (width * shrink, height * shrink)
    }

    private var title: String { "\(sample.className) · image \(sample.index.grouped)" }

    private struct Channel {
        var name: String
        var color: Color
        var low, high: UInt8
        var mean, deviation: Double
        /// How many pixels have a value in each of 32 stretches of 8.
        var counts: [Int]
    }

    private var channels: [Channel] {
        let names: [(String, Color)] =
            image.channels == 1
            ? [("grey", .charcoal)] : [("red", .vermilion), ("green", .bluishGreen), ("blue", .azure)]
        return names.enumerated().map { channel, name in
            let values = stride(from: channel, to: image.pixels.count, by: image.channels).map { image.pixels[$0] }
            let count = Double(max(values.count, 1))
            let mean = values.reduce(0) { $0 + Double($1) } / count
            let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
            var counts = [Int](repeating: 0, count: 32)
            for value in values { counts[Int(value) / 8] += 1 }
            return Channel(
                name: name.0, color: name.1, low: values.min() ?? 0, high: values.max() ?? 0, mean: mean,
                deviation: variance.squareRoot(), counts: counts)
        }
    }

    private func figures(_ channel: Channel) -> String {
        "\(channel.name): \(channel.low) to \(channel.high), mean \(channel.mean.fixed(1)), deviation \(channel.deviation.fixed(1))"
    }

    var size: (width: Double, height: Double) {
        let beside = hasNumbers ? 0.0 : 300
        let below = hasNumbers ? 26.0 : 0
        let tall = hasNumbers ? 0 : Double(image.channels) * 96
        return (max(360, shown.width + 20 + beside), max(shown.height, tall) + 46 + below)
    }

    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = rectangle.inset(left: 10, top: 8, right: 10, bottom: 8)
        canvas.text(
            canvas.fitting(title, width: area.width, size: 15, bold: true), x: area.x, y: area.y + 15, size: 15,
            bold: true)
        let frame = Rectangle(x: area.x, y: area.y + 28, width: shown.width, height: shown.height)
        canvas.draw(image, in: frame)
        canvas.stroke(frame, Color.text.opacity(0.25), lineWidth: 0.5)
        guard hasNumbers else {
            for (index, channel) in channels.enumerated() {
                drawCounts(
                    channel, on: canvas,
                    in: Rectangle(x: frame.right + 20, y: frame.y + Double(index) * 96, width: 280, height: 88))
            }
            return
        }
        for row in 0..<image.height {
            for column in 0..<image.width {
                let value = image[row, column][0]
                // On black nothing has to be said but that it is black.
                let color = value == 0 ? Color(gray: 0.35) : Color(gray: Double(value) / 255).readable
                canvas.text(
                    "\(value)", x: frame.x + (Double(column) + 0.5) * scale,
                    y: frame.y + (Double(row) + 0.5) * scale + 3, size: 8.5, color: color, align: .center)
            }
        }
        canvas.text(figures(channels[0]), x: area.x, y: frame.bottom + 20, size: 12.5, color: .faint)
    }

    /// Bars of how often values come, from black at the left to bright at the right.
    private func drawCounts(_ channel: Channel, on canvas: Canvas, in area: Rectangle) {
        canvas.text(
            canvas.fitting(figures(channel), width: area.width, size: 12), x: area.x, y: area.y + 11, size: 12)
        let most = Double(max(channel.counts.max() ?? 1, 1))
        let base = area.bottom - 16
        for (index, count) in channel.counts.enumerated() {
            let height = Double(count) / most * (base - area.y - 20)
            canvas.fill(
                Rectangle(
                    x: area.x + Double(index) * area.width / 32, y: base - height, width: area.width / 32 - 1,
                    height: height), channel.color)
        }
        canvas.line(fromX: area.x, y: base, toX: area.right, y: base, .axis)
        for (place, label) in [(0.0, "0"), (0.5, "128"), (1, "255")] {
            canvas.text(
                label, x: area.x + place * area.width, y: base + 13, size: 11, color: .faint,
                align: place == 0 ? .left : place == 1 ? .right : .center)
        }
    }

    var text: String {
        let head = "\(title), \(image.height) × \(image.width) pixels"
        return ([head] + channels.map(figures)).joined(separator: "\n")
    }
}
