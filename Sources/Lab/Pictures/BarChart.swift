import Display

/// A bar for each of some named amounts.
///
///     BarChart(["LeNet": 98.9, "perceptron": 95.1], title: "which is better?", axis: Axis("accuracy", unit: "%"))
///     BarChart(title: "images per class", names: digits.classNames, values: digits.classCounts)
///
/// Long names make the bars lie down. Amounts below nought go the other way.
public struct BarChart: Sendable {
    public var title: String?
    public var names: [String]
    public var values: [Double]
    /// What the amounts are. A caption is written where it has a title; a logarithmic one is for amounts above nought.
    public var axis: Axis
    public var color: Color
    /// How a value is written at its bar's end.
    public var format: @Sendable (Double) -> String

    public init(
        title: String? = nil, names: [String], values: [Double], axis: Axis = "", color: Color = .azure,
        format: (@Sendable (Double) -> String)? = nil
    ) {
        guard names.count == values.count else {
            fatalError("BarChart: \(names.count) names and \(values.count) values; there must be as many.")
        }
        // Lying, each takes 22 of at most 10,000 pixels.
        guard names.count <= 400 else {
            fatalError(
                "BarChart: \(names.count) bars are more than a picture holds (400); show the largest of them, or a Histogram or a LinePlot of the values."
            )
        }
        self.title = title
        self.names = names
        self.values = values
        self.axis = axis
        self.color = color
        self.format = format ?? { $0.rounded() == $0 && abs($0) < 1e9 ? Int($0).grouped : $0.significant(4) }
    }

    public init(
        title: String? = nil, names: [String], values: [Int], axis: Axis = "", color: Color = .azure
    ) {
        self.init(title: title, names: names, values: values.map(Double.init), axis: axis, color: color) {
            Int($0).grouped
        }
    }

    public init(
        _ bars: KeyValuePairs<String, Double>, title: String? = nil, axis: Axis = "", color: Color = .azure
    ) {
        self.init(title: title, names: bars.map(\.key), values: bars.map(\.value), axis: axis, color: color)
    }
}

extension BarChart: Picture {
    var isLying: Bool { (names.map(\.count).max() ?? 0) > 4 || names.count > 16 }
    private var caption: Double { axis.title.isEmpty ? 0 : 20 }

    public var size: (width: Double, height: Double) {
        let above = (title == nil ? 0.0 : 28) + caption + 16
        return isLying
            ? (420, Double(names.count) * 22 + above)
            : (max(280, Double(names.count) * 44 + 20), 200 + above)
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        var area = canvas.drawTitle(title, in: rectangle.inset(left: 8, top: 8, right: 8, bottom: 8), size: 15)
        if !axis.title.isEmpty {
            canvas.text(axis.caption, x: area.x, y: area.y + 9, size: 12.5, color: .faint)
            area = area.inset(top: 20)
        }
        if isLying { drawLying(on: canvas, in: area) } else { drawStanding(on: canvas, in: area) }
    }

    /// Where a value's bar ends, and where all begin, from 0 at the lowest end to 1 at the highest.
    private var places: (base: Double, end: (Double) -> Double) {
        let finite = values.filter(\.isFinite)
        if axis.scale == .logarithmic {
            let positive = finite.filter { $0 > 0 }
            // The smallest bar is a tenth of its size long, so that it is seen.
            let low = axis.range?.lowerBound ?? (positive.min() ?? 1) / 2
            let placed = PlacedAxis(
                Axis("", scale: .logarithmic, range: low...max(axis.range?.upperBound ?? positive.max() ?? 1, low * 2)),
                values: [], count: 2)
            return (0, { placed.position($0) })
        }
        let low = axis.range?.lowerBound ?? min(0, finite.min() ?? 0)
        let high = max(axis.range?.upperBound ?? max(0, finite.max() ?? 1), low + 1e-300)
        return (max(0, -low) / (high - low), { ($0 - low) / (high - low) })
    }

    /// From where to where a value's bar goes; nothing where the value has no place.
    private func bar(_ value: Double) -> (from: Double, to: Double) {
        let places = places
        let end = places.end(value)
        guard end.isFinite else { return (places.base, places.base) }
        let limited = min(1, max(0, end))
        return (min(places.base, limited), max(places.base, limited))
    }

    private func drawLying(on canvas: Canvas, in area: Rectangle) {
        let line = area.height / Double(max(names.count, 1))
        let nameWidth = min(area.width * 0.45, names.map { canvas.width(of: $0, size: 12) }.max() ?? 0)
        let valueWidth = values.map { canvas.width(of: format($0), size: 12) }.max() ?? 0
        let hasNegative = values.contains { $0 < 0 }
        let room = max(10, area.width - nameWidth - valueWidth * (hasNegative ? 2 : 1) - 14)
        let start = area.x + nameWidth + 7 + (hasNegative ? valueWidth : 0)
        for (index, value) in values.enumerated() {
            let y = area.y + Double(index) * line
            let bar = bar(value)
            canvas.text(
                canvas.fitting(names[index], width: nameWidth, size: 12), x: area.x + nameWidth, y: y + line / 2 + 4,
                size: 12, align: .right)
            canvas.fill(
                Rectangle(
                    x: start + bar.from * room, y: y + line * 0.16, width: (bar.to - bar.from) * room,
                    height: line * 0.68), color)
            canvas.text(
                format(value), x: value < 0 ? start + bar.from * room - 5 : start + bar.to * room + 5,
                y: y + line / 2 + 4, size: 12, color: .faint, align: value < 0 ? .right : .left)
        }
        if hasNegative {
            let base = start + places.base * room
            canvas.line(fromX: base, y: area.y, toX: base, y: area.bottom, .axis)
        }
    }

    private func drawStanding(on canvas: Canvas, in area: Rectangle) {
        let step = area.width / Double(max(names.count, 1))
        let hasNegative = values.contains { $0 < 0 }
        let lowest = area.bottom - 20 - (hasNegative ? 14 : 0)
        let room = max(10, lowest - area.y - 18)
        let valueSize = values.map { canvas.width(of: format($0), size: 11) }.max() ?? 0 > step ? 9.0 : 11
        for (index, value) in values.enumerated() {
            let bar = bar(value)
            let x = area.x + Double(index) * step
            canvas.fill(
                Rectangle(
                    x: x + step * 0.14, y: lowest - bar.to * room, width: step * 0.72,
                    height: (bar.to - bar.from) * room), color)
            canvas.text(
                format(value), x: x + step / 2,
                y: value < 0 ? lowest - bar.from * room + 12 : lowest - bar.to * room - 5, size: valueSize,
                color: .faint, align: .center)
            canvas.text(names[index], x: x + step / 2, y: area.bottom - 4, size: 13, align: .center)
        }
        let base = lowest - places.base * room
        canvas.line(fromX: area.x, y: base, toX: area.right, y: base, .axis)
    }

    public var text: String {
        let widest = names.map(\.count).max() ?? 0
        let lines = zip(names, values).map { name, value in
            "\(name)\(String(repeating: " ", count: widest - name.count))  \(format(value))"
        }
        let head = [title, axis.title.isEmpty ? nil : axis.caption].compactMap(\.self).joined(separator: ", ")
        return ((head.isEmpty ? [] : [head]) + lines).joined(separator: "\n")
    }
}
