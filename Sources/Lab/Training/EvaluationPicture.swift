import Datasets
import Display
import Pictures

extension Evaluation: Displayable {
    public var mimeBundle: MimeBundle { count == 0 ? MimeBundle(text: headline) : picture.mimeBundle }

    /// Accuracy with its interval, the confusion matrix, and the scores of each class.
    public var picture: any Picture { EvaluationPicture(evaluation: self) }

    /// The confusion matrix alone.
    public var confusion: HeatMap {
        HeatMap(
            confusionMatrix.map { $0.map(Double.init) }, rows: dataset.classNames, columns: dataset.classNames,
            rowTitle: "is", columnTitle: "was taken for", setsDiagonalApart: true)
    }

    /// Precision, recall and F1 of each class.
    public var table: Table {
        func figure(_ value: Double?) -> String { value.map { $0.percent(1) } ?? "–" }
        func mean(_ values: [Double?]) -> String {
            let known = values.compactMap(\.self)
            return known.isEmpty ? "–" : (known.reduce(0, +) / Double(known.count)).percent(1)
        }
        let scores = classScores
        return Table(
            ["class", "images", "precision", "recall", "F1"],
            rows: scores.map {
                [$0.name, $0.count.grouped, figure($0.precision), figure($0.recall), figure($0.f1)]
            }, numeric: [1, 2, 3, 4],
            footer: [
                "mean", count.grouped, mean(scores.map(\.precision)), mean(scores.map(\.recall)),
                mean(scores.map(\.f1)),
            ])
    }

    fileprivate var headline: String {
        count == 0
            ? "nothing measured: no images in this part of \(dataset.name); give it a share above 0 when you split"
            : "\(accuracy.percent(1)) right"
    }
    fileprivate var details: String {
        let interval = accuracyInterval
        return """
            95 % interval \((interval.lowerBound * 100).fixed(1)) to \(interval.upperBound.percent(1)) · \
            \(correctCount.grouped) of \(count.grouped) images · loss \(loss.fixed(3))
            """
    }
}

private struct EvaluationPicture: Picture {
    let evaluation: Evaluation
    private let confusion: HeatMap
    private let table: Table
    private let rowHeight = 26.0
    private let nameWidth: Double

    init(evaluation: Evaluation) {
        self.evaluation = evaluation
        confusion = evaluation.confusion
        table = evaluation.table
        // About 7 pixels a letter at 13 pixels' size.
        nameWidth = min(120, max(50, Double(table.rows.map { $0[0].count }.max() ?? 0) * 7))
    }

    private var tableHeight: Double { Double(table.rows.count + 2) * rowHeight + 20 }

    var size: (width: Double, height: Double) {
        (confusion.size.width + nameWidth + 288 + 36, max(confusion.size.height, tableHeight) + 64)
    }

    func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let area = rectangle.inset(left: 10, top: 10, right: 10, bottom: 6)
        canvas.text(evaluation.headline, x: area.x, y: area.y + 20, size: 22, bold: true)
        let after = area.x + canvas.width(of: evaluation.headline, size: 22, bold: true) + 16
        canvas.text(evaluation.details, x: after, y: area.y + 20, size: 13, color: .faint)
        let middle = area.inset(top: 40)
        confusion.draw(
            on: canvas,
            in: Rectangle(
                x: middle.x - 8, y: middle.y, width: confusion.size.width, height: confusion.size.height))
        drawTable(on: canvas, x: middle.x + confusion.size.width + 8, y: middle.y + 20)
    }

    private func drawTable(on canvas: Canvas, x: Double, y: Double) {
        // Right edges of the columns of figures.
        let edges = [nameWidth + 62, nameWidth + 148, nameWidth + 218, nameWidth + 288].map { x + $0 }
        let right = edges[3]
        for (column, header) in table.headers.enumerated() {
            canvas.text(
                header, x: column == 0 ? x : edges[column - 1], y: y, size: 13, color: .faint,
                align: column == 0 ? .left : .right)
        }
        canvas.line(fromX: x, y: y + 8, toX: right, y: y + 8, .axis)
        let scores = evaluation.classScores
        for (row, cells) in table.rows.enumerated() {
            let base = y + Double(row + 1) * rowHeight
            for (column, cell) in cells.enumerated() {
                // The weakest figures are what to look at.
                let value = [nil, nil, scores[row].precision, scores[row].recall, scores[row].f1][column]
                let isWeak = value.map { $0 < weakness } ?? false
                canvas.text(
                    column == 0 ? canvas.fitting(cell, width: nameWidth, size: 13) : cell,
                    x: column == 0 ? x : edges[column - 1], y: base, size: 13, bold: isWeak,
                    color: isWeak ? .vermilion : .text, align: column == 0 ? .left : .right)
            }
        }
        let last = y + Double(table.rows.count) * rowHeight + 9
        canvas.line(fromX: x, y: last, toX: right, y: last, .axis)
        for (column, cell) in (table.footer ?? []).enumerated() {
            canvas.text(
                cell, x: column == 0 ? x : edges[column - 1], y: last + 19, size: 13, bold: true,
                align: column == 0 ? .left : .right)
        }
    }

    /// Figures below this one are printed bold.
    private var weakness: Double {
        let scores = evaluation.classScores
        let all = scores.flatMap { [$0.precision, $0.recall, $0.f1] }.compactMap(\.self).sorted()
        // The lowest tenth, and nothing that is as good as perfect.
        return all.isEmpty ? 0 : min(all[all.count / 10], 0.995)
    }

    var text: String {
        "\(evaluation.headline) (\(evaluation.details))\n\n\(table.text)\n\n\(confusion.text)"
    }
}
