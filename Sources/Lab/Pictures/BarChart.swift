import Display

/// A bar for each of some named amounts.
///
///     BarChart(title: "images per class", names: digits.classNames, values: digits.classCounts)
///
/// Long names make the bars lie down.
public struct BarChart: Sendable {
    public var title: String?
    public var names: [String]
    public var values: [Double]
    public var color: Color
    /// How a value is written at its bar's end.
    public var format: @Sendable (Double) -> String

    public init(
        title: String? = nil, names: [String], values: [Double], color: Color = .azure,
        format: (@Sendable (Double) -> String)? = nil
    ) {
        guard names.count == values.count else {
            fatalError("BarChart: \(names.count) names and \(values.count) values; there must be as many.")
        }
        self.title = title
        self.names = names
        self.values = values
        self.color = color
        self.format = format ?? { $0.significant(4) }
    }

    public init(title: String? = nil, names: [String], values: [Int], color: Color = .azure) {
        self.init(title: title, names: names, values: values.map(Double.init), color: color) { Int($0).grouped }
    }
}

extension BarChart: Picture {
    private var isLying: Bool { (names.map(\.count).max() ?? 0) > 4 || names.count > 16 }

    public var size: (width: Double, height: Double) {
        let titleHeight = title == nil ? 0.0 : 30
        return isLying
            ? (420, Double(names.count) * 22 + titleHeight + 16)
            : (max(280, Double(names.count) * 44 + 20), 200 + titleHeight)
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        var area = rectangle.inset(left: 8, top: 8, right: 8, bottom: 8)
        if let title {
            canvas.text(title, x: area.x, y: area.y + 14, size: 15, bold: true)
            area = area.inset(top: 28)
        }
        let largest = max(values.filter(\.isFinite).max() ?? 1, 1e-300)
        if isLying { drawLying(on: canvas, in: area, largest) } else { drawStanding(on: canvas, in: area, largest) }
    }

    private func drawLying(on canvas: Canvas, in area: Rectangle, _ largest: Double) {
        let line = area.height / Double(max(names.count, 1))
        let nameWidth = min(area.width * 0.45, names.map { canvas.width(of: $0, size: 12) }.max() ?? 0)
        let valueWidth = values.map { canvas.width(of: format($0), size: 12) }.max() ?? 0
        let room = max(10, area.width - nameWidth - valueWidth - 14)
        for (index, value) in values.enumerated() {
            let y = area.y + Double(index) * line
            let length = max(0, value / largest) * room
            canvas.text(
                canvas.fitting(names[index], width: nameWidth, size: 12), x: area.x + nameWidth, y: y + line / 2 + 4,
                size: 12, align: .right)
            canvas.fill(
                Rectangle(x: area.x + nameWidth + 7, y: y + line * 0.16, width: length, height: line * 0.68), color)
            canvas.text(
                format(value), x: area.x + nameWidth + length + 12, y: y + line / 2 + 4, size: 12, color: .faint)
        }
    }

    private func drawStanding(on canvas: Canvas, in area: Rectangle, _ largest: Double) {
        let step = area.width / Double(max(names.count, 1))
        let base = area.bottom - 20
        let room = max(10, base - area.y - 18)
        let valueSize = values.map { canvas.width(of: format($0), size: 11) }.max() ?? 0 > step ? 9.0 : 11
        for (index, value) in values.enumerated() {
            let length = max(0, value / largest) * room
            let x = area.x + Double(index) * step
            canvas.fill(Rectangle(x: x + step * 0.14, y: base - length, width: step * 0.72, height: length), color)
            canvas.text(
                format(value), x: x + step / 2, y: base - length - 5, size: valueSize, color: .faint, align: .center)
            canvas.text(names[index], x: x + step / 2, y: base + 16, size: 13, align: .center)
        }
        canvas.line(fromX: area.x, y: base, toX: area.right, y: base, Color(0x999999))
    }

    public var text: String {
        let widest = names.map(\.count).max() ?? 0
        let lines = zip(names, values).map { name, value in
            "\(name)\(String(repeating: " ", count: widest - name.count))  \(format(value))"
        }
        return ([title].compactMap(\.self) + lines).joined(separator: "\n")
    }
}
