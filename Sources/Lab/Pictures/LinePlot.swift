import Display

/// One line in a plot, with its name for the legend.
public struct Curve: Sendable {
    public enum Side: Sendable { case left, right }
    public enum Style: Sendable, Hashable {
        case solid, dashed, dotted

        var dashes: [Double] {
            switch self {
            case .solid: []
            case .dashed: [6, 4]
            case .dotted: [1.5, 3]
            }
        }
    }

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
///     var plot = LinePlot(title: "LeNet", x: Axis("epoch"), left: Axis("loss"), right: Axis("accuracy", unit: "%"))
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
}

extension LinePlot: Picture {
    public var size: (width: Double, height: Double) { (width, height + (lower.map { $0.height + 16 } ?? 0)) }

    private func color(of index: Int) -> Color {
        curves[index].color ?? Color.palette[index % Color.palette.count]
    }

    private func style(of index: Int) -> Curve.Style {
        guard curves[index].color == nil && curves[index].style == .solid else { return curves[index].style }
        // Past the palette's end colours come again, told apart by their dashes.
        return [.solid, .dashed, .dotted][index / Color.palette.count % 3]
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        var area = rectangle.inset(left: 14, top: 10, right: 14, bottom: 8)
        if let title {
            canvas.text(
                canvas.fitting(title, width: area.width, size: 16, bold: true), x: area.x, y: area.y + 15, size: 16,
                bold: true)
            area = area.inset(top: 26)
        }
        area = drawLegend(on: canvas, in: area)

        let across = PlacedAxis(
            x, values: (curves + (lower?.curves ?? [])).flatMap(\.x), count: Int(area.width / 75), isTight: true)
        let lowerHeight = lower.map { $0.height + 34 } ?? 0
        let ticksUp = Int(max(60, area.height - lowerHeight - 60) / 42)
        let leftCurves = curves.filter { $0.side == .left || right == nil }
        let up = PlacedAxis(left, values: leftCurves.flatMap(\.y), count: ticksUp)
        let upRight = right.map { axis in
            PlacedAxis(axis, values: curves.filter { $0.side == .right }.flatMap(\.y), count: ticksUp)
        }
        let below = lower.map { PlacedAxis($0.axis, values: $0.curves.flatMap(\.y), count: 4) }

        func labelWidth(_ axis: PlacedAxis?) -> Double {
            (axis?.ticks.map { canvas.width(of: $0.label, size: 12) }.max() ?? 0) + 8
        }
        let inner = area.inset(
            left: max(labelWidth(up), labelWidth(below)), top: 22,
            right: upRight == nil ? 12 : labelWidth(upRight), bottom: 40)
        let upper = inner.inset(bottom: lowerHeight)

        drawFrame(on: canvas, upper, across: across, up: up, caption: left.caption, labelsAcross: lower == nil)
        if let upRight, let right {
            for tick in upRight.ticks {
                let y = upper.bottom - upRight.position(tick.value) * upper.height
                canvas.line(fromX: upper.right, y: y, toX: upper.right + 4, y: y, Color(0x999999))
                canvas.text(tick.label, x: upper.right + 8, y: y + 4, size: 12, color: .faint)
            }
            let sides = curves.indices.filter { curves[$0].side == .right }.map(color(of:))
            let only = Set(sides).count == 1 ? sides[0] : .text
            canvas.text(right.caption, x: area.right, y: upper.y - 9, size: 12.5, color: only, align: .right)
        }
        canvas.clipped(to: upper.inset(left: -4, top: -4, right: -4, bottom: -4)) {
            for index in curves.indices {
                let axis = curves[index].side == .right ? (upRight ?? up) : up
                draw(curves[index], color(of: index), style(of: index), on: canvas, in: upper, across: across, up: axis)
            }
        }
        if let lower, let below {
            let panel = Rectangle(
                x: inner.x, y: inner.bottom - lower.height, width: inner.width, height: lower.height)
            drawFrame(on: canvas, panel, across: across, up: below, caption: lower.axis.caption, labelsAcross: true)
            canvas.clipped(to: panel.inset(left: -4, top: -4, right: -4, bottom: -4)) {
                for curve in lower.curves {
                    draw(
                        curve, curve.color ?? Color(0x444444), curve.style, on: canvas, in: panel, across: across,
                        up: below)
                }
            }
        }
        canvas.text(x.caption, x: inner.centerX, y: area.bottom - 2, size: 12.5, align: .center)
    }

    /// Grid, figures and the left axis's caption.
    private func drawFrame(
        on canvas: Canvas, _ frame: Rectangle, across: PlacedAxis, up: PlacedAxis, caption: String, labelsAcross: Bool
    ) {
        for tick in up.ticks {
            let y = frame.bottom - up.position(tick.value) * frame.height
            let color = tick.label.isEmpty ? Color.grid.mixed(with: .white, 0.5) : .grid
            canvas.line(fromX: frame.x, y: y, toX: frame.right, y: y, color)
            canvas.text(tick.label, x: frame.x - 7, y: y + 4, size: 12, color: .faint, align: .right)
        }
        for tick in across.ticks {
            let x = frame.x + across.position(tick.value) * frame.width
            let color = tick.label.isEmpty ? Color.grid.mixed(with: .white, 0.5) : .grid
            canvas.line(fromX: x, y: frame.y, toX: x, y: frame.bottom, color)
            if labelsAcross {
                canvas.text(tick.label, x: x, y: frame.bottom + 17, size: 12, color: .faint, align: .center)
            }
        }
        canvas.line(fromX: frame.x, y: frame.bottom, toX: frame.right, y: frame.bottom, Color(0x999999))
        canvas.text(caption, x: frame.x, y: frame.y - 9, size: 12.5)
    }

    private func draw(
        _ curve: Curve, _ color: Color, _ style: Curve.Style, on canvas: Canvas, in frame: Rectangle,
        across: PlacedAxis, up: PlacedAxis
    ) {
        let points = curve.x.indices.map { index in
            (
                x: frame.x + across.position(curve.x[index]) * frame.width,
                // Far outside is as good as just outside, and keeps Cairo's numbers small.
                y: frame.bottom - min(max(up.position(curve.y[index]), -10), 10) * frame.height
            )
        }
        canvas.line(
            thinned(points, width: frame.width), color, lineWidth: lineWidth(of: curve), dashes: style.dashes)
        // A single point makes no line: it is always drawn as a dot.
        if curve.hasDots && points.count <= 60 || points.count == 1 {
            for point in points where point.x.isFinite && point.y.isFinite {
                canvas.circle(x: point.x, y: point.y, radius: curve.lineWidth + 1.2, color)
            }
        }
    }

    /// Many curves are drawn finer.
    private func lineWidth(of curve: Curve) -> Double {
        curves.count > 10 ? min(curve.lineWidth, 1.3) : curve.lineWidth
    }

    /// No more than the lowest and the highest point of each half pixel: a curve of a million points looks the same.
    private func thinned(_ points: [(x: Double, y: Double)], width: Double) -> [(x: Double, y: Double)] {
        guard points.count > Int(width * 4) else { return points }
        let bucket = points.count / Int(width * 2) + 1
        var kept: [(x: Double, y: Double)] = []
        for start in stride(from: 0, to: points.count, by: bucket) {
            let part = points[start..<min(start + bucket, points.count)]
            guard let low = part.indices.min(by: { part[$0].y < part[$1].y }),
                let high = part.indices.max(by: { part[$0].y < part[$1].y })
            else { continue }
            for index in Set([low, high]).sorted() { kept.append(points[index]) }
        }
        return kept
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

// MARK: - Legend
extension LinePlot {
    /// Draws the legend and returns what is left of `area`: above the curves in up to two rows, else beside them.
    private func drawLegend(on canvas: Canvas, in area: Rectangle) -> Rectangle {
        let named = curves.indices.filter { !curves[$0].name.isEmpty }
        guard !named.isEmpty else { return area }
        let size = 12.5
        let sample = 26.0
        let gap = 18.0
        let widths = named.map { canvas.width(of: curves[$0].name, size: size) + sample + gap }

        var rows: [[Int]] = [[]]
        var rowWidth = 0.0
        for (position, width) in widths.enumerated() {
            if rowWidth + width > area.width && !rows[rows.count - 1].isEmpty {
                rows.append([])
                rowWidth = 0
            }
            rows[rows.count - 1].append(position)
            rowWidth += width
        }
        if rows.count <= 2 {
            for (row, positions) in rows.enumerated() {
                var x = area.x
                for position in positions {
                    drawEntry(named[position], on: canvas, x: x, y: area.y + 12 + Double(row) * 20, size: size)
                    x += widths[position]
                }
            }
            return area.inset(top: Double(rows.count) * 20 + 4)
        }
        let lineHeight = min(18, (area.height - 10) / Double(named.count))
        let small = min(size, lineHeight * 0.8)
        let widest = min(area.width * 0.35, named.map { canvas.width(of: curves[$0].name, size: small) }.max()!)
        let column = widest + sample + 8
        for (row, index) in named.enumerated() {
            drawEntry(
                index, on: canvas, x: area.right - column + 8, y: area.y + 16 + Double(row) * lineHeight, size: small,
                width: widest)
        }
        return area.inset(right: column)
    }

    private func drawEntry(
        _ index: Int, on canvas: Canvas, x: Double, y: Double, size: Double, width: Double = .infinity
    ) {
        canvas.line(
            fromX: x, y: y - size * 0.35, toX: x + 20, y: y - size * 0.35, color(of: index),
            lineWidth: max(2, curves[index].lineWidth), dashes: style(of: index).dashes)
        if curves[index].hasDots { canvas.circle(x: x + 10, y: y - size * 0.35, radius: 3, color(of: index)) }
        canvas.text(canvas.fitting(curves[index].name, width: width, size: size), x: x + 26, y: y, size: size)
    }
}
