import Display
internal import Glibc

/// How often values of which size come: a bar for each stretch of them.
///
///     Histogram(run.model.conv1.weight.value, title: "weights of conv1", x: "weight")
///
/// Values that are not finite are left out, and counted in its text and title.
public struct Histogram: Sendable {
    public var title: String?
    public var x: Axis
    public var y: Axis
    /// The ends of the stretches, ascending: one more than `counts`. A value on an end counts for the stretch above it;
    /// the last stretch has both of its ends.
    public let edges: [Double]
    public let counts: [Int]
    /// How many values are not finite.
    public let leftOut: Int
    public let mean: Double
    public let deviation: Double
    public var color: Color
    public var width: Double
    public var height: Double

    /// - Parameters:
    ///   - bins: About how many stretches: they end at round figures. Unless given, as wide as Freedman and Diaconis (1981)
    ///     advise, 2 · interquartile range / ∛count, but 8 to 60.
    public init(
        _ values: some PlotValues, bins: Int? = nil, title: String? = nil, x: Axis = "value", y: Axis = "how often",
        color: Color = .azure
    ) {
        let all = values.plotValues
        let sorted = all.filter(\.isFinite).sorted()
        leftOut = all.count - sorted.count
        let count = Double(max(sorted.count, 1))
        let average = sorted.reduce(0, +) / count
        mean = average
        deviation = (sorted.reduce(0) { $0 + ($1 - average) * ($1 - average) } / count).squareRoot()
        (edges, counts) = Histogram.count(sorted, bins: bins)
        self.title = title
        self.x = x
        self.y = y
        self.color = color
        width = 560
        height = 300
    }

    private static func count(_ sorted: [Double], bins: Int?) -> (edges: [Double], counts: [Int]) {
        let low = sorted.first ?? 0
        let high = sorted.last ?? 1
        guard high > low, !sorted.isEmpty else {
            let around = low == 0 ? 0.5 : abs(low) / 2
            return ([low - around, low + around], [sorted.count])
        }
        let quartiles = sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
        let advised = 2 * quartiles / cbrt(Double(sorted.count))
        let wanted = bins ?? (advised > 0 ? Int(min(60, max(8, (high - low) / advised))) : 30)
        let step = PlacedAxis.roundStep((high - low) / Double(max(wanted, 1)))
        let first = floor(low / step + 1e-9)
        let stretches = max(1, Int((high / step - 1e-9).rounded(.up) - first))
        var counts = [Int](repeating: 0, count: stretches)
        for value in sorted {
            counts[min(stretches - 1, max(0, Int(floor(value / step + 1e-9) - first)))] += 1
        }
        return ((0...stretches).map { (first + Double($0)) * step }, counts)
    }
}

extension Histogram: Picture {
    public var size: (width: Double, height: Double) { (width, height) }

    /// What the title says, and how many values there are no bars for.
    var fullTitle: String? {
        guard leftOut > 0 else { return title }
        return "\(title ?? "\(x.title)") (without \(leftOut.grouped) that are no numbers)"
    }

    /// The axis across runs along the stretches, that up from nought or, if logarithmic, from below one.
    func placedAxes(ticksAcross: Int, ticksUp: Int) -> (x: PlacedAxis, y: PlacedAxis) {
        var up = y
        if up.range == nil && up.scale == .logarithmic { up.range = 0.5...Double(max(1, counts.max() ?? 1)) * 1.5 }
        return (
            PlacedAxis(x, values: edges, count: ticksAcross, isTight: true),
            PlacedAxis(up, values: [0] + counts.map(Double.init), count: ticksUp)
        )
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = canvas.drawTitle(fullTitle, in: rectangle.inset(left: 14, top: 10, right: 14, bottom: 8))
        let axes = placedAxes(
            ticksAcross: PlotFrame.ticks(across: area.width), ticksUp: PlotFrame.ticks(up: area.height - 60))
        let inner = area.inset(left: PlotFrame.labelWidth(axes.y, on: canvas), top: 22, right: 12, bottom: 40)
        let frame = PlotFrame(area: inner, across: axes.x, up: axes.y)
        frame.drawGrid(on: canvas, caption: y.caption)
        canvas.text(x.caption, x: inner.centerX, y: area.bottom - 2, size: 12.5, align: .center)
        frame.clipped(on: canvas) {
            for (index, count) in counts.enumerated() where count > 0 {
                let (left, right) = (frame.x(edges[index]), frame.x(edges[index + 1]))
                let top = frame.y(Double(count))
                guard left.isFinite, right.isFinite else { continue }
                canvas.fill(
                    Rectangle(
                        x: left + 0.5, y: top, width: max(0.5, right - left - 1), height: max(0, inner.bottom - top)),
                    color)
            }
        }
        canvas.line(fromX: inner.x, y: inner.bottom, toX: inner.right, y: inner.bottom, .axis)
    }

    public var text: String {
        let total = counts.reduce(0, +)
        let head =
            "\(fullTitle ?? x.caption): \(total.grouped) values, mean \(mean.significant(3)), deviation \(deviation.significant(3))"
        let most = max(1, counts.max() ?? 1)
        let names = counts.indices.map { "\(edges[$0].significant(4)) to \(edges[$0 + 1].significant(4))" }
        let widest = names.map(\.count).max() ?? 0
        let lines = zip(names, counts).map { name, count in
            let bar = String(repeating: "█", count: count * 30 / most)
            let space = String(repeating: " ", count: widest - name.count)
            return "\(space)\(name)  \(bar)\(bar.isEmpty ? "" : " ")\(count.grouped)"
        }
        return ([head] + lines).joined(separator: "\n")
    }
}
