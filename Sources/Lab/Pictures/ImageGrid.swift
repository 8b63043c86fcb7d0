import Display

/// Images side by side, each with a word below it; those that are wrong framed and named in vermilion.
///
///     ImageGrid(images, labels: ["5", "0", "4"])
///     ImageGrid([.init(image, label: "4", note: "not 9", mark: .wrong)], title: "most wrong")
public struct ImageGrid: Sendable {
    public struct Item: Sendable {
        public enum Mark: Sendable { case right, wrong }
        public var image: Image
        public var label: String
        /// A second, fainter line.
        public var note: String?
        public var mark: Mark?

        public init(_ image: Image, label: String = "", note: String? = nil, mark: Mark? = nil) {
            self.image = image
            self.label = label
            self.note = note
            self.mark = mark
        }
    }

    public var items: [Item]
    public var title: String?
    public var columns: Int
    /// The longer side of an image, in CSS pixels.
    public var imageSize: Double
    /// What each row is, left of it.
    public var rowNames: [String] = []

    /// - Parameters:
    ///   - columns: 10, or fewer where the labels are long, unless given.
    ///   - imageSize: The longer side of an image in CSS pixels; 56 unless given.
    public init(_ items: [Item], title: String? = nil, columns: Int? = nil, imageSize: Double? = nil) {
        let longest = items.map { max($0.label.count, $0.note?.count ?? 0) }.max() ?? 0
        self.items = items
        self.title = title
        self.columns = max(1, columns ?? min(items.count, longest > 10 ? 8 : 10))
        self.imageSize = imageSize ?? (longest > 10 ? 72 : 56)
    }

    public init(_ images: [Image], labels: [String] = [], title: String? = nil, columns: Int? = nil) {
        let items = images.enumerated().map { index, image in
            Item(image, label: labels.indices.contains(index) ? labels[index] : "")
        }
        self.init(items, title: title, columns: columns)
    }
}

extension ImageGrid: Picture {
    private var hasLabels: Bool { items.contains { !$0.label.isEmpty } }
    private var hasNotes: Bool { items.contains { $0.note != nil } }
    private var gap: Double { hasLabels ? 10 : 4 }
    private var titleHeight: Double { title == nil ? 0 : 30 }
    /// About 7 pixels a letter at 13 pixels' size.
    private var rowNameWidth: Double { rowNames.isEmpty ? 0 : Double(rowNames.map(\.count).max()!) * 7 + 14 }
    private var rows: Int { (items.count + columns - 1) / columns }

    /// An image's cell without the gap; images keep their proportions.
    private var cell: (width: Double, height: Double, text: Double) {
        let ratio = items.first.map { Double($0.image.height) / Double(max($0.image.width, 1)) } ?? 1
        let width = ratio > 1 ? imageSize / ratio : imageSize
        return (width, width * ratio, (hasLabels ? 17 : 0) + (hasNotes ? 14 : 0))
    }

    public var size: (width: Double, height: Double) {
        let cell = cell
        let width = Double(columns) * (cell.width + gap) - gap + 16 + rowNameWidth
        let height = Double(rows) * (cell.height + cell.text + gap) - gap + 16 + titleHeight
        return (max(width, title == nil ? 0 : 200), max(height, 1))
    }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let cell = cell
        if let title { canvas.text(title, x: rectangle.x + 8, y: rectangle.y + 22, size: 15, bold: true) }
        for (row, name) in rowNames.enumerated() {
            let y = rectangle.y + 8 + titleHeight + Double(row) * (cell.height + cell.text + gap) + cell.height / 2
            canvas.text(
                canvas.fitting(name, width: rowNameWidth - 8, size: 13), x: rectangle.x + rowNameWidth, y: y + 4.5,
                size: 13, align: .right)
        }
        for (index, item) in items.enumerated() {
            let frame = Rectangle(
                x: rectangle.x + 8 + rowNameWidth + Double(index % columns) * (cell.width + gap),
                y: rectangle.y + 8 + titleHeight + Double(index / columns) * (cell.height + cell.text + gap),
                width: cell.width, height: cell.height)
            canvas.draw(item.image, in: frame)
            switch item.mark {
            case .wrong:
                canvas.stroke(frame.inset(left: -1, top: -1, right: -1, bottom: -1), .vermilion, lineWidth: 2.5)
            case .right, nil:
                // A light image on a light page needs an edge, and a dark one on a dark page.
                canvas.stroke(frame, Color.text.opacity(0.18), lineWidth: 0.5)
            }
            if !item.label.isEmpty {
                let isWrong = item.mark == .wrong
                let label = isWrong ? "✗ " + item.label : item.label
                // Long labels are written smaller before they are cut.
                let room = cell.width + gap - 2
                let size = max(10, min(13, 13 * room / canvas.width(of: label, size: 13, bold: isWrong)))
                canvas.text(
                    canvas.fitting(label, width: room, size: size, bold: isWrong), x: frame.centerX,
                    y: frame.bottom + 14, size: size, bold: isWrong, color: isWrong ? .vermilion : .text, align: .center
                )
            }
            if let note = item.note {
                canvas.text(
                    canvas.fitting(note, width: cell.width + gap, size: 11), x: frame.centerX,
                    y: frame.bottom + (hasLabels ? 28 : 13), size: 11, color: .faint, align: .center)
            }
        }
    }

    public var text: String {
        let labels = items.map { item in
            let label = item.note.map { "\(item.label) (\($0))" } ?? item.label
            return item.mark == .wrong ? "✗ " + label : label
        }
        let head = title ?? (items.count == 1 ? "1 image" : "\(items.count.grouped) images")
        guard hasLabels else { return ([head] + rowNames).joined(separator: "\n") }
        let lines = stride(from: 0, to: labels.count, by: columns).map { start in
            labels[start..<min(start + columns, labels.count)].joined(separator: "  ")
        }
        return ([head] + lines).joined(separator: "\n")
    }
}
