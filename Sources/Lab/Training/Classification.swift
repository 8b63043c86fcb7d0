import Display
import NeuralNetworks
import Pictures
import Tensors

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
