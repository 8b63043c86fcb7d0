import Display
internal import Glibc
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

extension Double {
    /// A probability in per cent; what rounds to 100 % is not said to be certain.
    var sureness: String { self >= 0.9995 ? "> 99.9 %" : percent(1) }
}
