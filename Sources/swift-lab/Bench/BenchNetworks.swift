import ArgumentParser
import Lab

/// `swift-lab bench convnet`: four stages of 3x3 convolutions with batch normalisation on colour images of 64x64 pixels.
struct BenchConvnet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convnet",
        abstract: "Trains four 3x3 convolutions with batch normalisation on 64x64 colour images.")

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "convnet", title: "Convolutions on 64x64 colour images", batch: 32, input: [3, 64, 64],
            stages([32, 64, 128, 256]))
    }
}

/// `swift-lab bench fashion`: three such stages on grey images of 28x28 pixels, what Fashion-MNIST wants.
struct BenchFashion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fashion", abstract: "Trains three 3x3 convolutions with batch normalisation on 28x28 grey images."
    )

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "fashion", title: "Convolutions on 28x28 grey images", batch: 64, input: [1, 28, 28],
            stages([32, 64, 128]))
    }
}

/// `swift-lab bench resnet`: a small residual network on colour images of 32x32 pixels.
struct BenchResNet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resnet", abstract: "Trains a residual network of 8 layers on 32x32 colour images.")

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "resnet", title: "ResNet-8 on 32x32 colour images", batch: 64, input: [3, 32, 32],
            Sequential {
                Conv2D(16, kernel: 3, padding: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                Residual(filters: 16)
                Residual(filters: 32, stride: 2)
                Residual(filters: 64, stride: 2)
                GlobalAveragePool2D()
                Dense(10)
            })
    }
}

/// `swift-lab bench googlenet`: inception blocks, with 1x1, 3x3 and 5x5 convolutions and overlapping pooling.
struct BenchGoogLeNet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "googlenet", abstract: "Trains GoogLeNet on 32x32 colour images.")

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "googlenet", title: "GoogLeNet on 32x32 colour images", batch: 16, input: [3, 32, 32],
            Networks.googLeNet(classes: 10, inputs: .small))
    }
}

/// `swift-lab bench sequence`: convolutions along one axis, trained by Adam.
struct BenchSequence: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sequence", abstract: "Trains three one-dimensional convolutions on sequences of 128 by Adam.")

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "sequence", title: "One-dimensional convolutions on 16 channels of 128", batch: 64, input: [16, 128],
            Sequential {
                Conv1D(64, kernel: 5, padding: 2, activation: .relu, initializer: .he)
                Conv1D(64, kernel: 5, stride: 2, padding: 2, activation: .relu, initializer: .he)
                Conv1D(64, kernel: 3, padding: 2, dilation: 2, activation: .relu, initializer: .he)
                Flatten()
                Dense(10)
            }, optimizer: .adam())
    }
}

/// `swift-lab bench adam`: a wide perceptron, whose step is mostly the optimizer's.
struct BenchAdam: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adam", abstract: "Trains a perceptron of 1.9 million weights by Adam, 64 images a step.")

    @OptionGroup var options: TrainingBench

    func run() {
        options.run(
            "adam", title: "Perceptron 784-1024-1024-10 with Adam", batch: 64, input: [784],
            Sequential {
                Dense(1024, activation: .relu)
                Dense(1024, activation: .gelu)
                Dense(10)
            }, optimizer: .adam())
    }
}

/// For each number of filters a 3x3 convolution with batch normalisation, ReLU and pooling, then ten answers.
private func stages(_ filters: [Int]) -> Sequential {
    Sequential {
        for filters in filters {
            Conv2D(filters, kernel: 3, padding: 1, bias: false, initializer: .he)
            BatchNorm()
            ReLU()
            MaxPool2D(2)
        }
        GlobalAveragePool2D()
        Dense(10)
    }
}
