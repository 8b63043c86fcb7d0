import ArgumentParser
import Datasets
import Display
import Tensors

/// How long data take from the file to tensors, and what augmentation costs.
struct BenchData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Fashion-MNIST from file to tensors, and augmentation, in seconds.")

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let fashion = try Dataset.fashionMNIST()
        let read = clock.now
        let images = fashion.images
        let end = clock.now
        let tougher = fashion[0..<2_048].augmented(.rotate(10), .shift(2), .noise(0.03), .invert(probability: 0.5))
        let augmenting = medianSeconds(of: 3) {
            for index in 0..<8 { _ = tougher.batches(of: 256, shuffledBy: 1, epoch: 0)[index] }
        }
        printJSON([
            ("name", quoted("data")), ("images", "\(images.shape[0])"),
            ("file_to_bytes", (read - start).seconds.fixed(3)),
            ("bytes_to_tensor", (end - read).seconds.fixed(3)), ("seconds", (end - start).seconds.fixed(3)),
            ("augmented_images_per_second", "\(Int(2_048 / augmenting))"),
        ])
    }
}
