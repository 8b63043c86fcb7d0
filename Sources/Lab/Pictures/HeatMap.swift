import Display
internal import Glibc
import Tensors

/// A table of numbers as colours, the numbers written in the cells where they fit: a confusion matrix, correlations,
/// weights. Blue is above nought and vermilion below.
///
///     HeatMap(matrix, rows: classNames, columns: classNames, rowTitle: "is", columnTitle: "was taken for")
///     HeatMap(layer.weight.value, title: "weights", value: "weight")
///
/// Where the cells are too small for numbers, a scale beside them tells what the colours mean.
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
    /// What the numbers are: title, unit, and whether colours go by their size or by its logarithm.
    public var value: Axis
    public var format: @Sendable (Double) -> String

    public init(
        _ values: [[Double]], title: String? = nil, rows: [String], columns: [String], rowTitle: String? = nil,
        columnTitle: String? = nil, value: Axis = "", setsDiagonalApart: Bool = false,
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
        self.value = value
        self.setsDiagonalApart = setsDiagonalApart
        self.format = format ?? { $0.significant(3) }
    }

    /// A matrix, `[rows, columns]`, its rows and columns numbered unless they are named.
    public init(
        _ matrix: Tensor, title: String? = nil, rows: [String]? = nil, columns: [String]? = nil,
        rowTitle: String? = nil, columnTitle: String? = nil, value: Axis = ""
    ) {
        guard matrix.rank == 2 else {
            fatalError("HeatMap: a tensor of shape \(matrix.shape) is no matrix; it has to have two axes.")
        }
        let numbers = matrix.plotValues
        let width = matrix.shape[1]
        self.init(
            (0..<matrix.shape[0]).map { Array(numbers[$0 * width..<($0 + 1) * width]) }, title: title,
            rows: rows ?? (0..<matrix.shape[0]).map(String.init), columns: columns ?? (0..<width).map(String.init),
            rowTitle: rowTitle, columnTitle: columnTitle, value: value)
    }
}

extension HeatMap: Picture {
    private var cell: Double {
        let most = Double(max(columns.count, rows.count, 1))
        return most <= 12 ? 36 : max(1, min(36, 480 / most))
    }
    /// Below this size figures would be too small to read.
    var hasFigures: Bool { cell >= 17 }
    private var hasLongNames: Bool { (columns.map(\.count).max() ?? 0) > (hasFigures ? 4 : 2) }
    /// Room for the names: long ones stand upright above their columns.
    private var rowNames: Double { min(120, Double(rows.map(\.count).max() ?? 0) * 7 + 12) }
    private var columnNames: Double { hasLongNames ? min(110, Double(columns.map(\.count).max()!) * 6.2 + 12) : 22 }
    private var scaleWidth: Double { hasFigures ? 0 : 84 }

    public var size: (width: Double, height: Double) {
        (
            Double(columns.count) * cell + rowNames + (rowTitle == nil ? 0 : 22) + 20 + scaleWidth,
            max(
                Double(rows.count) * cell + columnNames + (columnTitle == nil ? 0 : 22), hasFigures ? 0 : 150)
                + (title == nil ? 0 : 30) + (hasFigures && !value.title.isEmpty ? 20 : 0) + 16
        )
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        var area = rectangle.inset(left: 8, top: 8, right: 8, bottom: 8)
        if let title {
            canvas.text(
                canvas.fitting(title, width: area.width, size: 15, bold: true), x: area.x, y: area.y + 14, size: 15,
                bold: true)
            area = area.inset(top: 30)
        }
        if hasFigures && !value.title.isEmpty {
            canvas.text(value.caption, x: area.x, y: area.y + 6, size: 12.5, color: .faint)
            area = area.inset(top: 20)
        }
        let left = rowNames + (rowTitle == nil ? 0 : 22)
        let top = columnNames + (columnTitle == nil ? 0 : 22)
        let cell = min(
            (area.width - left - scaleWidth) / Double(max(columns.count, 1)),
            (area.height - top) / Double(max(rows.count, 1)))
        let matrix = Rectangle(
            x: area.x + left, y: area.y + top, width: cell * Double(columns.count), height: cell * Double(rows.count))

        if let columnTitle {
            canvas.text(columnTitle, x: matrix.centerX, y: area.y + 13, size: 13, color: .faint, align: .center)
        }
        if let rowTitle {
            canvas.text(
                rowTitle, x: area.x + 12, y: matrix.centerY, size: 13, color: .faint, align: .center, quarterTurn: true)
        }
        // Where a name is wider than a line there is room for every second or fifth of them.
        func every(_ room: Double) -> Int { [1, 2, 5, 10, 20, 50, 100].first { Double($0) * cell >= room } ?? 200 }
        let everyRow = every(13)
        let everyColumn =
            hasFigures || hasLongNames
            ? everyRow : every((columns.map { canvas.width(of: $0, size: 13) }.max() ?? 0) + 8)
        for (index, name) in columns.enumerated() where index.isMultiple(of: everyColumn) {
            let x = matrix.x + (Double(index) + 0.5) * cell
            let name = canvas.fitting(
                name, width: hasLongNames ? columnNames - 8 : cell * Double(everyColumn) + 4, size: 13)
            canvas.text(
                name, x: hasLongNames ? x + 4 : x, y: matrix.y - 6, size: 13, align: hasLongNames ? .left : .center,
                quarterTurn: hasLongNames)
        }
        for (index, name) in rows.enumerated() where index.isMultiple(of: everyRow) {
            canvas.text(
                canvas.fitting(name, width: rowNames - 6, size: 13), x: matrix.x - 7,
                y: matrix.y + (Double(index) + 0.5) * cell + 4.5, size: 13, align: .right)
        }
        drawCells(on: canvas, in: matrix, cell)
        if !hasFigures {
            drawScale(
                on: canvas, in: Rectangle(x: matrix.right + 16, y: matrix.y, width: 68, height: max(110, matrix.height))
            )
        }
    }

    /// The largest amounts on the diagonal and off it, by which the colours go; both the same unless it is set apart.
    private var largest: (onDiagonal: Double, offDiagonal: Double) {
        var on = 1e-300
        var off = 1e-300
        for row in values.indices {
            for column in columns.indices where values[row][column].isFinite {
                let amount = abs(values[row][column])
                if !setsDiagonalApart || row == column { on = max(on, amount) }
                if row != column { off = max(off, amount) }
            }
        }
        return (on, off)
    }

    /// The smallest amount above nought: where a logarithmic scale begins.
    private var smallest: Double { values.joined().lazy.filter { $0.isFinite && $0 > 0 }.min() ?? 1e-3 }

    /// How strong the colour of an amount is, from 0 to 1, where `full` has all of it.
    ///
    /// - Parameter smallest: Where a logarithmic scale begins: looked for once, not for each cell.
    private func strength(_ amount: Double, full: Double, smallest: Double) -> Double {
        guard amount.isFinite, amount != 0 else { return 0 }
        guard value.scale == .logarithmic else { return 0.12 + 0.88 * min(1, abs(amount) / full) }
        let low = smallest / 2
        return amount <= low ? 0 : min(1, log(amount / low) / log(max(full / low, 2)))
    }

    /// The colours of all cells, `[rows][columns]`.
    func colors(in theme: Theme) -> [[Color]] {
        let (onDiagonal, offDiagonal) = largest
        let smallest = smallest
        return values.indices.map { row in
            columns.indices.map { column in
                let amount = values[row][column]
                let isError = setsDiagonalApart && row != column
                let hue: Color = isError || amount < 0 ? .vermilion : .azure
                var part = strength(amount, full: isError ? offDiagonal : onDiagonal, smallest: smallest)
                if setsDiagonalApart && row == column && part > 0 { part = 0.25 + 0.75 * part }
                return theme.color(.empty).mixed(with: theme.color(hue), part)
            }
        }
    }

    private func drawCells(on canvas: Canvas, in matrix: Rectangle, _ cell: Double) {
        let textSize = min(13, cell * 0.42)
        let gap = cell < 8 ? 0 : cell < 17 ? 0.5 : 1.5
        for (row, colors) in colors(in: canvas.theme).enumerated() {
            for (column, color) in colors.enumerated() {
                let amount = values[row][column]
                let frame = Rectangle(
                    x: matrix.x + Double(column) * cell, y: matrix.y + Double(row) * cell, width: cell - gap,
                    height: cell - gap)
                canvas.fill(frame, exactly: color, cornerRadius: gap > 1 ? 2 : 0)
                // Noughts are what everyone expects: their figures would only hide the others.
                if hasFigures, amount != 0 || !setsDiagonalApart {
                    let text = format(amount)
                    // Smaller before it is cut.
                    let size = min(textSize, textSize * (cell - 3) / max(canvas.width(of: text, size: textSize), 1))
                    canvas.text(
                        canvas.fitting(text, width: cell - 2, size: max(8, size)), x: frame.centerX,
                        y: frame.centerY + textSize * 0.36, size: max(8, size), color: color.readable, align: .center)
                }
            }
        }
    }

    /// Colours from the lowest to the highest amount, with figures.
    private func drawScale(on canvas: Canvas, in area: Rectangle) {
        let finite = values.joined().filter(\.isFinite)
        let isLogarithmic = value.scale == .logarithmic
        let full = largest.onDiagonal
        let smallest = smallest
        let high = isLogarithmic ? full : max(0, finite.max() ?? 0)
        let low = isLogarithmic ? smallest : min(0, finite.min() ?? 0)
        guard high > low else { return }
        if !value.title.isEmpty { canvas.text(value.caption, x: area.x, y: area.y - 8, size: 12, color: .faint) }
        let height = min(area.height, 180)
        let steps = 60
        for step in 0..<steps {
            let part = (Double(step) + 0.5) / Double(steps)
            let amount = isLogarithmic ? low * pow(high / low, part) : low + (high - low) * part
            let color = canvas.theme.color(.empty).mixed(
                with: canvas.theme.color(amount < 0 ? .vermilion : .azure),
                strength(amount, full: full, smallest: smallest))
            canvas.fill(
                Rectangle(
                    x: area.x, y: area.y + height * Double(steps - 1 - step) / Double(steps), width: 14,
                    height: height / Double(steps) + 0.5), exactly: color)
        }
        let placed = PlacedAxis(
            Axis("", scale: value.scale, range: low...high), values: [], count: Int(height / 30))
        for tick in placed.ticks where !tick.label.isEmpty {
            let y = area.y + height * (1 - placed.position(tick.value))
            canvas.text(tick.label, x: area.x + 20, y: y + 4, size: 11.5, color: .faint)
        }
    }

    public var text: String {
        let table = Table(
            [rowTitle.map { "\($0) ╲ \(columnTitle ?? "")" } ?? ""] + columns,
            rows: zip(rows, values).map { [$0] + $1.map(format) }, numeric: Set(1...max(1, columns.count)))
        return [title, table.text].compactMap(\.self).joined(separator: "\n")
    }
}
