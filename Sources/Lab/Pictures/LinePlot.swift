import Display

/// One line in a plot, with its name for the legend.
public struct Curve: Sendable {
    public enum Side: Sendable { case left, right }
    public enum Style: Sendable, Hashable, CaseIterable {
        case solid, dashed, dotted, dashDotted, longDashed

        /// The style that is given out at this place, from 0: past the palette's end colours come again, told apart by
        /// their dashes.
        package init(at index: Int) { self = Self.allCases[index / Color.palette.count % Self.allCases.count] }

        package var dashes: [Double] {
            switch self {
            case .solid: []
            case .dashed: [6, 4]
            case .dotted: [1.5, 3]
            case .dashDotted: [7, 3, 1.5, 3]
            case .longDashed: [14, 4]
            }
        }
    }

    /// In the legend; without one where it is empty.
    public var name: String
    public var x: [Double]
    /// As many as `x`; a value that is not finite leaves a gap.
    public var y: [Double]
    public var side: Side
    /// The next of the palette where it is `nil`.
    public var color: Color?
    public var style: Style
    public var lineWidth: Double
    /// A dot at each point, where there are few.
    public var hasDots: Bool

    public init(
        _ name: String, x: [Double], y: [Double], side: Side = .left, color: Color? = nil, style: Style = .solid,
        lineWidth: Double = 2, hasDots: Bool = false
    ) {
        guard x.count == y.count else {
            fatalError("Curve \(name): \(x.count) values along x and \(y.count) along y; there must be as many.")
        }
        self.name = name
        self.x = x
        self.y = y
        self.side = side
        self.color = color
        self.style = style
        self.lineWidth = lineWidth
        self.hasDots = hasDots
    }
}

/// Curves over a common axis, on one scale or two, with room for a second, lower panel.
///
///     LinePlot(losses, title: "LeNet", x: "batch", left: "loss")
///     LinePlot(["small": a, "large": b], left: Axis("loss", scale: .logarithmic))
///     LinePlot(tanh(x), over: x)
///
///     var plot = LinePlot(title: "LeNet", x: "epoch", left: "loss", right: Axis("accuracy", unit: "%"))
///     plot.curves.append(Curve("training", x: epochs, y: losses))
///     plot.curves.append(Curve("accuracy", x: epochs, y: accuracies, side: .right))
///     plot
///
/// The legend stands above the curves, or beside them when they are many, and so never covers any.
public struct LinePlot: Sendable {
    /// Curves below the others, over the same x axis: the learning rate under the loss.
    public struct Panel: Sendable {
        public var axis: Axis
        public var curves: [Curve]
        /// In CSS pixels.
        public var height: Double

        public init(_ axis: Axis, curves: [Curve], height: Double = 90) {
            self.axis = axis
            self.curves = curves
            self.height = height
        }
    }

    public var title: String?
    public var x: Axis
    public var left: Axis
    public var right: Axis?
    public var curves: [Curve]
    public var lower: Panel?
    public var width: Double
    public var height: Double

    public init(
        title: String? = nil, x: Axis, left: Axis, right: Axis? = nil, curves: [Curve] = [], lower: Panel? = nil,
        width: Double = 720, height: Double = 360
    ) {
        self.title = title
        self.x = x
        self.left = left
        self.right = right
        self.curves = curves
        self.lower = lower
        self.width = width
        self.height = height
    }

    /// One curve. Without `over` its points lie at 0, 1, 2 and so on; up to a dozen are marked by dots.
    public init(
        _ values: some PlotValues, over: (any PlotValues)? = nil, title: String? = nil, x: Axis = "index",
        left: Axis = "value"
    ) {
        self.init(title: title, x: x, left: left, curves: [Curve("", values.plotValues, over: over?.plotValues)])
    }

    /// A curve for each name. Without `over` their points lie at 0, 1, 2 and so on; up to a dozen are marked by dots.
    ///
    ///     LinePlot(["tanh": tanh(x), "relu": relu(x)], over: x, x: "x", left: "f(x)")
    public init(
        _ curves: KeyValuePairs<String, some PlotValues>, over: (any PlotValues)? = nil, title: String? = nil,
        x: Axis = "index", left: Axis = "value"
    ) {
        let places = over?.plotValues
        self.init(
            title: title, x: x, left: left, curves: curves.map { Curve($0, $1.plotValues, over: places) })
    }
}

extension LinePlot: Picture {
    public var size: (width: Double, height: Double) { (width, height + (lower.map { $0.height + 16 } ?? 0)) }

    func color(of index: Int) -> Color { curves[index].color ?? Color.palette(at: index) }

    func style(of index: Int) -> Curve.Style {
        guard curves[index].color == nil && curves[index].style == .solid else { return curves[index].style }
        return Curve.Style(at: index)
    }

    /// Many curves are drawn finer.
    func lineWidth(of curve: Curve) -> Double { curves.count > 10 ? min(curve.lineWidth, 1.3) : curve.lineWidth }

    /// The axes with their ranges settled, for about so many ticks.
    func placedAxes(ticksAcross: Int, ticksUp: Int) -> (x: PlacedAxis, left: PlacedAxis, right: PlacedAxis?) {
        let isOnLeft = { (curve: Curve) in curve.side == .left || right == nil }
        return (
            PlacedAxis(
                x, values: (curves + (lower?.curves ?? [])).flatMap(\.x), count: ticksAcross, isTight: true),
            PlacedAxis(left, values: curves.filter(isOnLeft).flatMap(\.y), count: ticksUp),
            right.map {
                PlacedAxis($0, values: curves.filter { $0.side == .right }.flatMap(\.y), count: ticksUp)
            }
        )
    }

    var placedLowerAxis: PlacedAxis? {
        lower.map { PlacedAxis($0.axis, values: $0.curves.flatMap(\.y), count: 4) }
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = Legend(
            curves.indices.map { index in
                let curve = curves[index]
                return Legend.Entry(
                    name: curve.name, color: color(of: index),
                    sample: .line(dashes: style(of: index).dashes, width: curve.lineWidth, hasDot: curve.hasDots))
            }
        ).draw(
            on: canvas,
            in: canvas.drawTitle(title, in: rectangle.inset(left: 14, top: 10, right: 14, bottom: 8)))

        let lowerHeight = lower.map { $0.height + 34 } ?? 0
        let (across, up, upRight) = placedAxes(
            ticksAcross: PlotFrame.ticks(across: area.width),
            ticksUp: PlotFrame.ticks(up: area.height - lowerHeight - 60))
        let below = placedLowerAxis
        let inner = area.inset(
            left: max(PlotFrame.labelWidth(up, on: canvas), PlotFrame.labelWidth(below, on: canvas)), top: 22,
            right: upRight == nil ? 12 : PlotFrame.labelWidth(upRight, on: canvas), bottom: 40)
        let upper = PlotFrame(area: inner.inset(bottom: lowerHeight), across: across, up: up)

        upper.drawGrid(on: canvas, caption: left.caption, labelsAcross: lower == nil)
        var upperRight = upper
        if let upRight, let right {
            upperRight = PlotFrame(area: upper.area, across: across, up: upRight)
            for tick in upRight.ticks {
                let y = upperRight.y(tick.value)
                canvas.line(fromX: upper.area.right, y: y, toX: upper.area.right + 4, y: y, .axis)
                canvas.text(tick.label, x: upper.area.right + 8, y: y + 4, size: 12, color: .faint)
            }
            let sides = curves.indices.filter { curves[$0].side == .right }.map(color(of:))
            let only = Set(sides).count == 1 ? sides[0] : .text
            canvas.text(right.caption, x: area.right, y: upper.area.y - 9, size: 12.5, color: only, align: .right)
        }
        upper.clipped(on: canvas) {
            for index in curves.indices {
                draw(
                    curves[index], color(of: index), style(of: index), on: canvas,
                    in: curves[index].side == .right ? upperRight : upper)
            }
        }
        if let lower, let below {
            let panel = PlotFrame(
                area: Rectangle(
                    x: inner.x, y: inner.bottom - lower.height, width: inner.width, height: lower.height),
                across: across, up: below)
            panel.drawGrid(on: canvas, caption: lower.axis.caption)
            panel.clipped(on: canvas) {
                for curve in lower.curves { draw(curve, curve.color ?? .charcoal, curve.style, on: canvas, in: panel) }
            }
        }
        canvas.text(x.caption, x: inner.centerX, y: area.bottom - 2, size: 12.5, align: .center)
    }

    private func draw(
        _ curve: Curve, _ color: Color, _ style: Curve.Style, on canvas: Canvas, in frame: PlotFrame
    ) {
        // Half a pixel has room for no more than a lowest and a highest point.
        let kept = curve.thinned(to: Int(frame.area.width * 2))
        let points = kept.map { (x: frame.x(curve.x[$0]), y: frame.y(curve.y[$0])) }
        canvas.line(points, color, lineWidth: lineWidth(of: curve), dashes: style.dashes)
        // A single point makes no line: it is always drawn as a dot.
        if curve.showsDots {
            for point in points where point.x.isFinite && point.y.isFinite {
                canvas.circle(x: point.x, y: point.y, radius: curve.lineWidth + 1.2, color)
            }
        }
    }

    public var text: String {
        var lines = [title ?? "\(left.title) over \(x.title)"]
        for curve in curves + (lower?.curves ?? []) {
            guard let last = curve.y.last, let lastX = curve.x.last else { continue }
            let finite = curve.y.filter(\.isFinite)
            let extent = finite.isEmpty ? "" : ", \(finite.min()!.significant(3)) to \(finite.max()!.significant(3))"
            lines.append("\(curve.name): \(last.significant(3)) at \(x.title) \(lastX.significant(4))\(extent)")
        }
        return lines.joined(separator: "\n")
    }
}

extension Curve {
    fileprivate init(_ name: String, _ y: [Double], over x: [Double]?) {
        self.init(name, x: x ?? y.indices.map(Double.init), y: y, hasDots: y.count <= 12)
    }

    var showsDots: Bool { hasDots && x.count <= 60 || x.count == 1 }

    /// The places of the lowest and the highest point of each of `pieces`: drawn on as many pixels, a curve of a million
    /// points looks the same.
    func thinned(to pieces: Int) -> [Int] {
        guard y.count > 2 * pieces else { return Array(y.indices) }
        let length = y.count / pieces + 1
        var kept: [Int] = []
        for start in stride(from: 0, to: y.count, by: length) {
            // A piece without any number stays a gap.
            var low = start
            var high = start
            for index in start..<min(start + length, y.count) where y[index].isFinite {
                if !y[low].isFinite || y[index] < y[low] { low = index }
                if !y[high].isFinite || y[index] > y[high] { high = index }
            }
            kept.append(min(low, high))
            if low != high { kept.append(max(low, high)) }
        }
        return kept
    }
}
