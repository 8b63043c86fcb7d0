/// The shape of a point: told apart where colours are not, or come again.
enum Marker: String, CaseIterable {
    case circle, square, triangle, diamond

    func draw(on canvas: Canvas, x: Double, y: Double, radius: Double, _ color: Color) {
        switch self {
        case .circle: canvas.circle(x: x, y: y, radius: radius, color)
        case .square:
            let side = radius * 1.8
            canvas.fill(Rectangle(x: x - side / 2, y: y - side / 2, width: side, height: side), color)
        case .triangle:
            canvas.polygon(
                [(x, y - radius * 1.2), (x + radius * 1.1, y + radius * 0.8), (x - radius * 1.1, y + radius * 0.8)],
                color)
        case .diamond:
            let reach = radius * 1.3
            canvas.polygon([(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)], color)
        }
    }

    /// What Vega calls it.
    var vegaName: String { self == .triangle ? "triangle-up" : rawValue }
}
