/// A learning rate that falls when the loss stops falling.
///
///     var plateau = Plateau(patience: 3)
///     for epoch in epochs {
///         …
///         optimizer.learningRate *= plateau.factor(after: validationLoss)
///     }
public struct Plateau: Sendable, Hashable, Codable {
    /// What the rate is multiplied by.
    public let factor: Double
    /// How many losses in a row may fail to improve before the rate falls.
    public let patience: Int
    /// An improvement counts from this share of the best loss on.
    public let threshold: Double
    /// `nil` before the first loss. (JSON, in which runs are kept, has no infinity.)
    private var best: Double?
    private var waited = 0

    public init(factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4) {
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
    }

    /// Notes a loss, and says what to multiply the rate by: 1 or `factor`.
    public mutating func factor(after loss: Double) -> Double {
        guard let best, loss >= best * (1 - threshold) else {
            best = loss
            waited = 0
            return 1
        }
        waited += 1
        guard waited > patience else { return 1 }
        waited = 0
        return factor
    }
}
