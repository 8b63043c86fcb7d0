/// Which colour and which mark are whose. It stands above the plot, or beside it where there are many, and so never covers
/// what is drawn.
struct Legend {
    enum Sample {
        case line(dashes: [Double], width: Double, hasDot: Bool)
        case marker(Marker)
    }
    struct Entry {
        var name: String
        var color: Color
        var sample: Sample
    }
    /// Without those that have no name.
    let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries.filter { !$0.name.isEmpty } }

    /// Draws the legend and returns what is left of `area`: above in up to two rows, else beside.
    func draw(on canvas: Canvas, in area: Rectangle) -> Rectangle {
        guard !entries.isEmpty else { return area }
        let size = 12.5
        let sample = 26.0
        let gap = 18.0
        let widths = entries.map { canvas.width(of: $0.name, size: size) + sample + gap }

        var rows: [[Int]] = [[]]
        var rowWidth = 0.0
        for (index, width) in widths.enumerated() {
            if rowWidth + width > area.width && !rows[rows.count - 1].isEmpty {
                rows.append([])
                rowWidth = 0
            }
            rows[rows.count - 1].append(index)
            rowWidth += width
        }
        if rows.count <= 2 && widths.allSatisfy({ $0 <= area.width }) {
            for (row, indices) in rows.enumerated() {
                var x = area.x
                for index in indices {
                    draw(entries[index], on: canvas, x: x, y: area.y + 12 + Double(row) * 20, size: size)
                    x += widths[index]
                }
            }
            return area.inset(top: Double(rows.count) * 20 + 4)
        }
        // What does not fit below 8 pixels a line cannot be read either: the last line says how many more there are.
        let room = max(2, Int((area.height - 10) / 9))
        let shown = entries.count > room ? room - 1 : entries.count
        let lines = min(entries.count, room)
        let lineHeight = min(18, (area.height - 10) / Double(lines))
        let small = min(size, lineHeight * 0.8)
        let widest = min(area.width * 0.35, entries.map { canvas.width(of: $0.name, size: small) }.max()!)
        let column = widest + sample + 8
        let x = area.right - column + 8
        for row in 0..<shown {
            draw(
                entries[row], on: canvas, x: x, y: area.y + 16 + Double(row) * lineHeight, size: small, width: widest)
        }
        if shown < entries.count {
            canvas.text(
                "and \(entries.count - shown) more", x: x, y: area.y + 16 + Double(shown) * lineHeight, size: small,
                color: .faint)
        }
        return area.inset(right: column)
    }

    private func draw(
        _ entry: Entry, on canvas: Canvas, x: Double, y: Double, size: Double, width: Double = .infinity
    ) {
        let middle = y - size * 0.35
        switch entry.sample {
        case .line(let dashes, let lineWidth, let hasDot):
            canvas.line(
                fromX: x, y: middle, toX: x + 20, y: middle, entry.color, lineWidth: max(2, lineWidth), dashes: dashes)
            if hasDot { canvas.circle(x: x + 10, y: middle, radius: 3, entry.color) }
        case .marker(let marker): marker.draw(on: canvas, x: x + 12, y: middle, radius: 4.5, entry.color)
        }
        canvas.text(canvas.fitting(entry.name, width: width, size: size), x: x + 26, y: y, size: size)
    }
}
