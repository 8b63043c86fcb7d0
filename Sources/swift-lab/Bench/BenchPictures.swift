import ArgumentParser
import Display
import Pictures
import Tensors

/// How long pictures take, from values to the bytes of a PNG file.
struct BenchPictures: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pictures", abstract: "A plot of 30 curves and a grid of 100 images, in milliseconds.")

    @Flag(help: "One line of JSON.")
    var json = false

    func run() {
        var generator = RandomGenerator(seed: 1)
        var plot = LinePlot(title: "30 runs", x: Axis("epoch"), left: Axis("loss", scale: .logarithmic))
        plot.curves = (1...30).map { run in
            let x = (0..<200).map { Double($0) / 20 }
            return Curve(
                "run \(run)", x: x, y: x.map { 2.3 / (1 + $0 * Double(run) / 3) * (0.9 + 0.2 * generator.double()) })
        }
        let images = (0..<100).map { _ in
            Image(width: 28, height: 28, pixels: (0..<784).map { _ in UInt8(generator.below(256)) })
        }
        let grid = ImageGrid(images, labels: (0..<100).map { "\($0 % 10)" })
        let photos = ImageGrid((0..<40).map { _ in photograph(using: &generator) })
        let curves = medianSeconds(of: 11) { _ = plot.png }
        let tiles = medianSeconds(of: 11) { _ = grid.png }
        let colored = medianSeconds(of: 11) { _ = photos.png }
        let whole = medianSeconds(of: 11) { _ = plot.mimeBundle }
        var figures = Figures("pictures", title: "Pictures, from values to the bytes of a PNG file")
        figures.add("plot_of_30_curves_ms", curves * 1_000, digits: 1)
        figures.add("grid_of_100_images_ms", tiles * 1_000, digits: 1)
        figures.add("plot_of_30_curves_with_values_ms", whole * 1_000, digits: 1)
        figures.add("grid_of_40_photos_ms", colored * 1_000, digits: 1)
        figures.add("plot_of_30_curves_kb", Double(plot.png.count) / 1_000, digits: 1)
        figures.add("grid_of_100_images_kb", Double(grid.png.count) / 1_000, digits: 1)
        figures.add("grid_of_40_photos_kb", Double(photos.png.count) / 1_000, digits: 1)
        figures.show(asJSON: json)
    }
}
