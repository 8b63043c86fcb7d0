import ArgumentParser
import Lab

/// `swift-lab bench convnet`: four stages of 3x3 convolutions with batch normalisation on colour images of 64x64 pixels.
struct BenchConvnet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convnet",
        abstract: "Trains a network of four 3x3 convolutions on 64x64 colour images and prints images per second.")

    @Option(help: "Images in a training step.")
    var batch = 32
    @Option(help: "Steps to take; the fastest third counts.")
    var steps = 12
    @Flag(help: "One line of JSON.")
    var json = false

    func run() throws {
        let net = Sequential {
            for filters in [32, 64, 128, 256] {
                Conv2D(filters, kernel: 3, padding: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                MaxPool2D(2)
            }
            GlobalAveragePool2D()
            Dense(10)
        }
        net.initialize(input: [3, 64, 64], seed: 1)
        let optimizer = Optimizer(.sgd(momentum: 0.9), learningRate: 0.01)
        let images = Tensor.uniform([batch, 3, 64, 64], seed: 1)
        let labels = Tensor((0..<batch).map { Int32($0 % 10) })
        var loss: Float = 0
        func step() {
            let (value, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
            optimizer.update(net, along: gradients)
            loss = value.item
        }
        step()
        let times = (0..<max(steps, 3)).map { _ in seconds { step() } }.sorted()
        let fastest = times.prefix(times.count / 3)
        var figures = Figures("convnet", title: "Convolutions on 64x64 colour images, batch \(batch)")
        figures.add("train_images_per_s", Double(batch * fastest.count) / fastest.reduce(0, +), digits: 1)
        figures.add("peak_memory_mb", peakMemory())
        figures.add("loss", Double(loss), digits: 5)
        figures.show(asJSON: json)
    }
}
