/// Rows and columns, as an HTML table in a notebook and as aligned text elsewhere.
///
///     Table(["layer", "output", "parameters"], rows: [["conv1", "20 × 24 × 24", "520"]], numeric: [2])
public struct Table: Displayable, Sendable {
    public var title: String?
    public var headers: [String]
    public var rows: [[String]]
    /// The columns that hold figures: right-aligned.
    public var numeric: Set<Int>
    /// Below the table, set off by a line: sums and means.
    public var footer: [String]?
    /// Of columns that are drawn in HTML, what stands in the cell of each row instead of its text.
    package var drawings: [Int: [String]] = [:]
    /// Columns of words that may break into lines where the page is narrow.
    package var wrapping: Set<Int> = []

    public init(
        _ headers: [String], rows: [[String]], numeric: Set<Int> = [], footer: [String]? = nil, title: String? = nil
    ) {
        self.headers = headers
        self.rows = rows
        self.numeric = numeric
        self.footer = footer
        self.title = title
    }

    public var mimeBundle: MimeBundle { MimeBundle(text: text, html: html) }

    /// The columns aligned with spaces, under a line of dashes.
    public var text: String {
        let all = [headers] + rows + (footer.map { [$0] } ?? [])
        let widths = (0..<all.map(\.count).max()!).map { column in
            all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max()!
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { column, cell -> String in
                let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
                return numeric.contains(column) ? space + cell : cell + space
            }
            var text = padded.joined(separator: "  ")[...]
            while text.last == " " { text = text.dropLast() }
            return String(text)
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        var lines = (title.map { [$0, ""] } ?? []) + [line(headers), rule] + rows.map(line)
        if let footer { lines += [rule, line(footer)] }
        return lines.joined(separator: "\n")
    }

    private var html: String {
        func row(_ cells: [String], tag: String, style: String = "", number: Int? = nil) -> String {
            let cells = cells.enumerated().map { column, cell in
                let align = numeric.contains(column) ? "right;font-variant-numeric:tabular-nums" : "left"
                // Figures and short cells stay on one line, whatever room the page has; the names of columns need not.
                let isFixed = tag == "td" && cell.count <= 40 && !wrapping.contains(column)
                let style = isFixed ? "white-space:nowrap;\(style)" : style
                let content = number.flatMap { drawings[column]?[$0] } ?? cell.escapedForHTML
                return "<\(tag) style=\"text-align:\(align);\(style)\">\(content)</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        let caption = title.map { "<caption style=\"text-align:left\"><b>\($0.escapedForHTML)</b></caption>" } ?? ""
        let foot = footer.map { "<tfoot>\(row($0, tag: "th", style: "border-top:1px solid"))</tfoot>" } ?? ""
        let body = rows.enumerated().map { row($1, tag: "td", number: $0) }.joined()
        return "<table>\(caption)<thead>\(row(headers, tag: "th"))</thead><tbody>\(body)</tbody>\(foot)</table>"
    }
}
