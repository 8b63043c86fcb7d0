import Display
import NeuralNetworks

extension Hyperparameters: Displayable {
    public var mimeBundle: MimeBundle { table.mimeBundle }

    /// A line for each setting: its name, its value, and what it does.
    public var table: Table {
        func every(_ interval: Int) -> String {
            interval == 0 ? "never" : interval == 1 ? "every epoch" : "every \(interval) epochs"
        }
        return Table(
            ["setting", "value", "what it does"],
            rows: [
                ["epochs", epochs.grouped, "how often the network sees every training image"],
                ["batchSize", batchSize.grouped, "after how many images the weights are adjusted once"],
                ["optimizer", "\(optimizer)", "how the weights follow the gradient"],
                ["learningRate", "\(learningRate)", "how far each adjustment goes"],
                ["validationInterval", every(validationInterval), "when the validation part is tried"],
                ["snapshotInterval", every(snapshotInterval), "when the state of the run is kept"],
                ["seed", "\(seed)", "what everything random starts from"],
                ["shuffles", shuffles ? "yes" : "no", "whether the images come in another order in every epoch"],
                ["accumulation", "\(accumulation)", "how many batches go into one adjustment"],
                ["gradientLimit", gradientLimit?.significant(6) ?? "none", "the length that gradients are cut to"],
                ["labelSmoothing", labelSmoothing.significant(6), "what part of the answer all classes share"],
                [
                    "averaging", averaging?.significant(6) ?? "none",
                    "how much of a mean of the weights stays at a step",
                ],
                ["keepsBest", keepsBest ? "yes" : "no", "whether it ends with the weights that did best"],
                [
                    "patience", patience.map { $0 == 1 ? "1 validation" : "\($0) validations" } ?? "none",
                    "how long to wait for the validation loss to fall",
                ],
                ["plateau", plateau.map { "\($0)" } ?? "none", "when the rate falls besides its course"],
                ["precision", precision.rawValue, "how exactly a GPU multiplies"],
                ["snapshotsKept", "\(snapshotsKept)", "how many of the last snapshots stay, besides the best"],
            ])
    }
}
