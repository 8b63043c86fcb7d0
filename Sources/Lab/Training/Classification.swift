import Display
internal import Glibc
import NeuralNetworks
import Pictures
import Tensors

/// Logits as probabilities, row by row.
struct Probabilities {
    /// `[images][classes]`, each row adding up to 1.
    private(set) var rows: [[Float]] = []
    /// -log(probability) of the class that is asked for, row by row; exact where the probability rounds to 0.
    private(set) var surprises: [Double] = []

    /// - Parameter logits: `[images, classes]`
    init(of logits: Tensor, classes: Int, labels: [Int] = []) {
        let scalars = logits.scalars
        for (index, start) in stride(from: 0, to: scalars.count, by: max(1, classes)).enumerated() {
            let row = scalars[start..<start + classes]
            let largest = row.max() ?? 0
            let powers = row.map { exp(Double($0 - largest)) }
            let sum = powers.reduce(0, +)
            rows.append(powers.map { Float($0 / sum) })
            if labels.indices.contains(index) {
                surprises.append(log(sum) - Double(row[start + labels[index]] - largest))
            }
        }
    }
}

/// What a network takes an image for: the five most probable classes.
///
///     let seen = run.classify(try Image("seven.png"))
///     seen                      // the image as the network sees it, and a bar for each of the five
///     seen.best.name            // → "7"
///     seen.explained()          // every layer's activations and weights
public struct Classification {
    public struct Answer: Sendable, Hashable {
        public var name: String
        /// 0 to 1
        public var probability: Double
    }

    /// As it was given.
    public let image: Image
    /// In the network's size and colours.
    public let seen: Image
    /// All classes, the most probable first.
    public let answers: [Answer]
    let model: any Module
    let preparation: Preparation

    init(of image: Image, by model: any Module, _ preparation: Preparation) {
        self.image = image
        self.model = model
        self.preparation = preparation
        seen = preparation.prepared(image)
        let logits = model(preparation.tensor([image]))
        let classes = preparation.classNames.count
        guard logits.shape == [1, classes] else {
            fatalError("classify: the network answers \(logits.shape) for one image; [1, \(classes)] is expected.")
        }
        let row = Probabilities(of: logits, classes: classes).rows[0]
        answers = row.indices.sorted { row[$0] > row[$1] }.map {
            Answer(name: preparation.classNames[$0], probability: Double(row[$0]))
        }
    }

    /// The most probable class.
    public var best: Answer { answers[0] }

    /// What every layer makes of the image on the way to the answer.
    public func explained() -> Explanation { Explanation(of: self) }
}

extension Classification: Picture {
    private var shown: ArraySlice<Answer> { answers.prefix(5) }

    public var size: (width: Double, height: Double) { (460, 156) }

    public func draw(on canvas: Canvas, in rectangle: Rectangle) {
        let side = 120.0
        let ratio = Double(seen.height) / Double(max(seen.width, 1))
        let frame = Rectangle(
            x: rectangle.x + 14, y: rectangle.y + 14, width: ratio > 1 ? side / ratio : side,
            height: ratio > 1 ? side : side * ratio)
        canvas.draw(seen, in: frame)
        let names = shown.map { canvas.width(of: $0.name, size: 13) }.max() ?? 0
        let start = rectangle.x + 156 + min(names, 110)
        for (row, answer) in shown.enumerated() {
            let y = rectangle.y + 30 + Double(row) * 25
            canvas.text(
                canvas.fitting(answer.name, width: 110, size: 13), x: start - 8, y: y, size: 13, bold: row == 0,
                align: .right)
            let width = max(1, answer.probability * (rectangle.right - start - 74))
            canvas.fill(
                Rectangle(x: start, y: y - 12, width: width, height: 15), row == 0 ? .azure : .skyBlue, cornerRadius: 2)
            canvas.text(
                answer.probability.sureness, x: start + width + 6, y: y, size: 13, bold: row == 0)
        }
    }

    public var text: String { shown.map { "\($0.name) \($0.probability.sureness)" }.joined(separator: " · ") }
}

extension Double {
    /// A probability in per cent; what rounds to 100 % is not said to be certain.
    fileprivate var sureness: String { self >= 0.9995 ? "> 99.9 %" : percent(1) }
}

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
