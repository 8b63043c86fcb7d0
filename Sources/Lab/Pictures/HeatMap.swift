import Display

/// A table of numbers as colours, the numbers written in the cells: a confusion matrix, correlations, weights.
///
///     HeatMap(matrix, rows: classNames, columns: classNames, rowTitle: "is", columnTitle: "was taken for")
public struct HeatMap: Sendable {
    public var title: String?
    /// `[rows][columns]`
    public var values: [[Double]]
    public var rows: [String]
    public var columns: [String]
    public var rowTitle: String?
    public var columnTitle: String?
    /// In a confusion matrix what is right would outshine what is wrong, which is what one looks for: the diagonal has
    /// a colour of its own, and the other cells are coloured by the largest of them.
    public var setsDiagonalApart: Bool
    public var format: @Sendable (Double) -> String

    public init(
        _ values: [[Double]], title: String? = nil, rows: [String], columns: [String], rowTitle: String? = nil,
        columnTitle: String? = nil, setsDiagonalApart: Bool = false,
        format: (@Sendable (Double) -> String)? = nil
    ) {
        guard values.count == rows.count, values.allSatisfy({ $0.count == columns.count }) else {
            fatalError(
                "HeatMap: \(rows.count) rows and \(columns.count) columns are named, which does not fit the values.")
        }
        self.values = values
        self.title = title
        self.rows = rows
        self.columns = columns
        self.rowTitle = rowTitle
        self.columnTitle = columnTitle
        self.setsDiagonalApart = setsDiagonalApart
        self.format = format ?? { $0.significant(3) }
    }
}

extension HeatMap: Picture {
    private var cell: Double {
        max(columns.count, rows.count) <= 12 ? 36 : max(12, 420 / Double(max(columns.count, 1)))
    }
    private var hasLongNames: Bool { (columns.map(\.count).max() ?? 0) > 4 }
    /// Room for the names: long ones stand upright above their columns.
    private var rowNames: Double { min(120, Double(rows.map(\.count).max() ?? 0) * 7 + 12) }
    private var columnNames: Double { hasLongNames ? min(110, Double(columns.map(\.count).max()!) * 7 + 12) : 22 }

    public var size: (width: Double, height: Double) {
        (
            Double(columns.count) * cell + rowNames + (rowTitle == nil ? 0 : 22) + 20,
            Double(rows.count) * cell + columnNames + (columnTitle == nil ? 0 : 22) + (title == nil ? 0 : 30) + 16
        )
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        var area = rectangle.inset(left: 8, top: 8, right: 8, bottom: 8)
        if let title {
            canvas.text(title, x: area.x, y: area.y + 14, size: 15, bold: true)
            area = area.inset(top: 30)
        }
        let left = rowNames + (rowTitle == nil ? 0 : 22)
        let top = columnNames + (columnTitle == nil ? 0 : 22)
        let cell = min(
            (area.width - left) / Double(max(columns.count, 1)), (area.height - top) / Double(max(rows.count, 1)))
        let matrix = Rectangle(
            x: area.x + left, y: area.y + top, width: cell * Double(columns.count), height: cell * Double(rows.count))

        if let columnTitle {
            canvas.text(columnTitle, x: matrix.centerX, y: area.y + 13, size: 13, color: .faint, align: .center)
        }
        if let rowTitle {
            canvas.text(
                rowTitle, x: area.x + 12, y: matrix.centerY, size: 13, color: .faint, align: .center, quarterTurn: true)
        }
        for (index, name) in columns.enumerated() {
            let x = matrix.x + (Double(index) + 0.5) * cell
            let name = canvas.fitting(name, width: hasLongNames ? columnNames - 8 : cell + 4, size: 13)
            canvas.text(
                name, x: hasLongNames ? x + 4 : x, y: matrix.y - 6, size: 13, align: hasLongNames ? .left : .center,
                quarterTurn: hasLongNames)
        }
        for (index, name) in rows.enumerated() {
            canvas.text(
                canvas.fitting(name, width: rowNames - 6, size: 13), x: matrix.x - 7,
                y: matrix.y + (Double(index) + 0.5) * cell + 4.5, size: 13, align: .right)
        }
        drawCells(on: canvas, in: matrix, cell)
    }

    private func drawCells(on canvas: Canvas, in matrix: Rectangle, _ cell: Double) {
        func largest(_ isIncluded: (Int, Int) -> Bool) -> Double {
            var largest = 1e-300
            for row in values.indices {
                for column in columns.indices where isIncluded(row, column) && values[row][column].isFinite {
                    largest = max(largest, abs(values[row][column]))
                }
            }
            return largest
        }
        let onDiagonal = largest { !setsDiagonalApart || $0 == $1 }
        let offDiagonal = largest { $0 != $1 }
        let textSize = min(13, cell * 0.42)
        for row in values.indices {
            for column in columns.indices {
                let value = values[row][column]
                let isApart = setsDiagonalApart && row == column
                let isError = setsDiagonalApart && row != column
                let hue: Color = isError || value < 0 ? .vermilion : .azure
                let part = min(1, abs(value) / (isError ? offDiagonal : onDiagonal))
                let strength = !value.isFinite || value == 0 ? 0 : isApart ? 0.25 + 0.75 * part : 0.12 + 0.88 * part
                let color = Color(0xF5F5F5).mixed(with: hue, strength)
                let frame = Rectangle(
                    x: matrix.x + Double(column) * cell, y: matrix.y + Double(row) * cell, width: cell - 1.5,
                    height: cell - 1.5)
                canvas.fill(frame, color, cornerRadius: 2)
                // Noughts are what everyone expects: their figures would only hide the others.
                if textSize >= 7, value != 0 || !setsDiagonalApart {
                    canvas.text(
                        canvas.fitting(format(value), width: cell - 2, size: textSize), x: frame.centerX,
                        y: frame.centerY + textSize * 0.36, size: textSize, color: color.readable, align: .center)
                }
            }
        }
    }

    public var text: String {
        let table = Table(
            [rowTitle.map { "\($0) ╲ \(columnTitle ?? "")" } ?? ""] + columns,
            rows: zip(rows, values).map { [$0] + $1.map(format) }, numeric: Set(1...max(1, columns.count)))
        return [title, table.text].compactMap(\.self).joined(separator: "\n")
    }
}
