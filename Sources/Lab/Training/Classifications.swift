import Display
import Pictures

/// What a network takes many images for: a picture for each with the most probable class, and a table.
public struct Classifications: Sendable {
    public let images: [Image]
    /// Of the files, where the images come from some.
    public let names: [String]
    /// `[images][classes]`
    public let probabilities: [[Float]]
    public let classNames: [String]

    /// The classes of the image at `index`, the most probable first.
    public subscript(index: Int) -> [Classification.Answer] {
        guard probabilities.indices.contains(index) else {
            fatalError("Classifications: there is no image \(index); there are \(probabilities.count), from 0.")
        }
        let row = probabilities[index]
        return row.indices.sorted { row[$0] > row[$1] }.map {
            Classification.Answer(name: classNames[$0], probability: Double(row[$0]))
        }
    }

    public var count: Int { images.count }

    /// The five most probable classes of each image.
    public var table: Table {
        Table(
            ["image"] + (1...5).map { "\($0)." },
            rows: images.indices.map { index in
                [names.indices.contains(index) ? names[index] : "\(index)"]
                    + self[index].prefix(5).map { "\($0.name) \($0.probability.sureness)" }
            })
    }
}

extension Classifications: Displayable {
    /// The first hundred as pictures; `table` has them all.
    public var mimeBundle: MimeBundle {
        let items = images.indices.prefix(100).map { index in
            let best = self[index][0]
            return ImageGrid.Item(
                images[index], label: "\(best.name) · \(best.probability.percent(0))",
                note: names.indices.contains(index) ? names[index] : nil)
        }
        let more = count > 100 ? "; the first 100 of \(count.grouped)" : ""
        return ImageGrid(
            items, title: "taken for, and how surely\(more)", columns: min(8, max(1, items.count)), imageSize: 72
        )
        .mimeBundle
    }
}
