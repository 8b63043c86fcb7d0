/// A curve or a histogram as small as a word, for the cell of a table: letters in text (`█▅▃▂▂▁▁▁`), a drawing in HTML.
package struct Sparkline: Sendable {
    package enum Kind: Sendable { case curve, bars }

    /// Those that are numbers.
    private let values: [Double]
    private let kind: Kind
    private let letters: Int

    /// - Parameter letters: At most so many in text.
    package init(_ values: [Double], _ kind: Kind = .curve, letters: Int = 8) {
        self.values = values.filter(\.isFinite)
        self.kind = kind
        self.letters = letters
    }

    /// As letters, each the mean of its stretch.
    package var text: String {
        guard let low = values.min(), let high = values.max() else { return "" }
        let bars = Array("▁▂▃▄▅▆▇█")
        return String(means(letters).map { bars[high > low ? Int((($0 - low) / (high - low) * 7).rounded()) : 0] })
    }

    private func means(_ count: Int) -> [Double] {
        let count = min(count, values.count)
        return (0..<count).map { column in
            let stretch = values[column * values.count / count..<(column + 1) * values.count / count]
            return stretch.reduce(0, +) / Double(stretch.count)
        }
    }

    private static let width = 72.0
    private static let height = 18.0

    /// An image element with a drawing (SVG) in it, in a blue that can be seen on white and on black.
    ///
    /// As an image, and not as the drawing itself: of a notebook that was not run here JupyterLab leaves out what it does not know
    /// to be harmless, and images it does know.
    package var html: String {
        let marks = marks
        guard !marks.isEmpty else { return "" }
        let (width, height) = (Int(Self.width), Int(Self.height))
        let svg =
            "<svg xmlns='http://www.w3.org/2000/svg' width='\(width)' height='\(height)' fill='none' stroke='#1a85d0'>\(marks)</svg>"
        var address = "data:image/svg+xml,"
        for character in svg.unicodeScalars {
            switch character {
            case "<": address += "%3C"
            case ">": address += "%3E"
            case "#": address += "%23"
            case " ": address += "%20"
            default: address.unicodeScalars.append(character)
            }
        }
        return
            "<img src=\"\(address)\" alt=\"\(text)\" width=\"\(width)\" height=\"\(height)\" style=\"display:inline;vertical-align:middle\">"
    }

    private var marks: String {
        let columns = means(kind == .curve ? 60 : 24)
        guard let low = columns.min(), let high = columns.max() else { return "" }
        func y(_ value: Double, from base: Double) -> Double {
            high > base ? Self.height - 2.5 - (value - base) / (high - base) * (Self.height - 5) : Self.height / 2
        }
        switch kind {
        case .bars:
            let step = Self.width / Double(columns.count)
            return columns.enumerated().filter { $1 > 0 }.map { index, value in
                let top = min(y(value, from: 0), Self.height - 2)
                return
                    "<rect x='\((Double(index) * step).fixed(1))' y='\(top.fixed(1))' width='\((step - 1).fixed(1))' height='\((Self.height - top).fixed(1))' fill='#1a85d0' stroke='none'/>"
            }.joined()
        case .curve:
            let step = (Self.width - 6) / Double(max(1, columns.count - 1))
            let points = columns.enumerated().map { (3 + Double($0) * step, y($1, from: low)) }
            let end = points[points.count - 1]
            let line = points.map { "\($0.0.fixed(1)),\($0.1.fixed(1))" }.joined(separator: " ")
            return "<polyline points='\(line)' stroke-width='1.5' stroke-linejoin='round'/>"
                + "<circle cx='\(end.0.fixed(1))' cy='\(end.1.fixed(1))' r='2' fill='#1a85d0' stroke='none'/>"
        }
    }
}
