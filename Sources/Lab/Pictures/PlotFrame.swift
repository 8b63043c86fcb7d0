/// The area of a plot between its axes: draws grid, figures and captions, and knows where values lie.
struct PlotFrame {
    let area: Rectangle
    let across: PlacedAxis
    let up: PlacedAxis

    func x(_ value: Double) -> Double { area.x + across.position(value) * area.width }

    /// Far outside is as good as just outside, and keeps Cairo's numbers small.
    func y(_ value: Double) -> Double { area.bottom - min(max(up.position(value), -10), 10) * area.height }

    /// About how many ticks there is room for.
    static func ticks(across width: Double) -> Int { Int(width / 75) }
    static func ticks(up height: Double) -> Int { Int(max(60, height) / 36) }

    /// The width of the widest figure beside an axis, with its distance.
    static func labelWidth(_ axis: PlacedAxis?, on canvas: Canvas) -> Double {
        (axis?.ticks.map { canvas.width(of: $0.label, size: 12) }.max() ?? 0) + 8
    }

    /// Grid, figures and the left axis's caption, which stands above it.
    func drawGrid(on canvas: Canvas, caption: String, labelsAcross: Bool = true) {
        for tick in up.ticks {
            let y = y(tick.value)
            canvas.line(
                fromX: area.x, y: y, toX: area.right, y: y, tick.label.isEmpty ? .minorGrid : .grid)
            canvas.text(tick.label, x: area.x - 7, y: y + 4, size: 12, color: .faint, align: .right)
        }
        for tick in across.ticks {
            let x = x(tick.value)
            canvas.line(
                fromX: x, y: area.y, toX: x, y: area.bottom, tick.label.isEmpty ? .minorGrid : .grid)
            if labelsAcross {
                canvas.text(tick.label, x: x, y: area.bottom + 17, size: 12, color: .faint, align: .center)
            }
        }
        canvas.line(fromX: area.x, y: area.bottom, toX: area.right, y: area.bottom, .axis)
        canvas.text(caption, x: area.x, y: area.y - 9, size: 12.5)
    }

    /// Draws inside the axes, with a little room for what lies on them.
    func clipped(on canvas: Canvas, _ draw: () -> Void) {
        canvas.clipped(to: area.inset(left: -4, top: -4, right: -4, bottom: -4), draw)
    }
}

extension Canvas {
    /// Writes a plot's title at the top of `area`, if it has one, and returns what is left.
    func drawTitle(_ title: String?, in area: Rectangle, size: Double = 16) -> Rectangle {
        guard let title else { return area }
        text(
            fitting(title, width: area.width, size: size, bold: true), x: area.x, y: area.y + size - 1, size: size,
            bold: true)
        return area.inset(top: size + 10)
    }
}
