import ArgumentParser
import Datasets
import Display
import Pictures
import Tensors

/// How long data take from the file to tensors.
struct BenchData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Fashion-MNIST and 10,000 PNG files of 64 × 64 pixels, from file to tensors, in seconds.")

    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let fashion = try Dataset.fashionMNIST()
        let read = clock.now
        let images = fashion.images
        let end = clock.now
        let folder = "/tmp/swift-lab-bench-\(UInt32.random(in: 0...UInt32.max))"
        defer { removeFolder(folder) }
        let files = 10_000
        try writeImages(files, to: "\(folder)/pngs")
        let cache = ImageCache(folder: "\(folder)/cache")
        let decoding = try seconds { _ = try Dataset.images(in: "\(folder)/pngs", cache: .none) }
        // The first time with a cache also writes it.
        _ = try Dataset.images(in: "\(folder)/pngs", cache: cache)
        let cached = try seconds { _ = try Dataset.images(in: "\(folder)/pngs", cache: cache) }
        let resizing = try seconds { _ = try Dataset.images(in: "\(folder)/pngs", size: [32, 32], cache: .none) }
        var figures = Figures("data", title: "Fashion-MNIST and image files")
        figures.add("images", Double(images.shape[0]))
        figures.add("file_to_bytes", (read - start).seconds, digits: 3)
        figures.add("bytes_to_tensor", (end - read).seconds, digits: 3)
        figures.add("seconds", (end - start).seconds, digits: 3)
        figures.add("png_files", Double(files))
        figures.add("png_files_seconds", decoding, digits: 3)
        figures.add("png_files_resized_seconds", resizing, digits: 3)
        figures.add("png_files_cached_seconds", cached, digits: 3)
        figures.show(asJSON: json)
    }

    /// So many colour images of 64 × 64 pixels in two classes, a hundred of them different.
    private func writeImages(_ count: Int, to folder: String) throws {
        var generator = RandomGenerator(seed: 1)
        let files = (0..<100).map { _ in photograph(using: &generator).png }
        for name in ["a", "b"] { try makeFolder("\(folder)/\(name)") }
        for index in 0..<count {
            try writeFile(files[index % 100], to: "\(folder)/\(index % 2 == 0 ? "a" : "b")/\(index).png")
        }
    }
}
