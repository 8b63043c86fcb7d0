import ArgumentParser
import Lab

/// A benchmark that trains one network on images of noise.
protocol NetworkBench: ParsableCommand {
    static var subject: TrainingBench.Subject { get }
    var options: TrainingBench { get }
}

extension NetworkBench {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: subject.name, abstract: "Trains \(subject.what).")
    }

    func run() { options.run(Self.subject) }
}

/// 3x3 convolutions with batch normalisation, ReLU and 2x2 pooling, then the mean of each channel and ten classes.
private func stages(_ filters: Int...) -> Sequential {
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

/// `swift-lab bench convnet`.
struct BenchConvnet: NetworkBench {
    static let subject = TrainingBench.Subject(
        "convnet", "four 3x3 convolutions with batch normalisation on 64x64 colour images", batch: 32,
        input: [3, 64, 64]
    ) { stages(32, 64, 128, 256) }
    @OptionGroup var options: TrainingBench
}

/// `swift-lab bench fashion`: what Fashion-MNIST wants.
struct BenchFashion: NetworkBench {
    static let subject = TrainingBench.Subject(
        "fashion", "three 3x3 convolutions with batch normalisation on 28x28 grey images", batch: 64,
        input: [1, 28, 28]
    ) { stages(32, 64, 128) }
    @OptionGroup var options: TrainingBench
}

/// `swift-lab bench resnet`.
struct BenchResNet: NetworkBench {
    static let subject = TrainingBench.Subject(
        "resnet", "a residual network of 8 layers on 32x32 colour images", batch: 64, input: [3, 32, 32]
    ) {
        Sequential {
            Conv2D(16, kernel: 3, padding: 1, bias: false, initializer: .he)
            BatchNorm()
            ReLU()
            Residual(filters: 16)
            Residual(filters: 32, stride: 2)
            Residual(filters: 64, stride: 2)
            GlobalAveragePool2D()
            Dense(10)
        }
    }
    @OptionGroup var options: TrainingBench
}

/// `swift-lab bench googlenet`: 1x1, 3x3 and 5x5 convolutions side by side, and overlapping pooling.
struct BenchGoogLeNet: NetworkBench {
    static let subject = TrainingBench.Subject(
        "googlenet", "GoogLeNet on 32x32 colour images", batch: 16, input: [3, 32, 32]
    ) { Networks.googLeNet(classes: 10, inputs: .small) }
    @OptionGroup var options: TrainingBench
}

/// `swift-lab bench sequence`: convolutions along one axis.
struct BenchSequence: NetworkBench {
    static let subject = TrainingBench.Subject(
        "sequence", "three one-dimensional convolutions on 16 channels of 128 by Adam", batch: 64, input: [16, 128],
        optimizer: .adam()
    ) {
        Sequential {
            Conv1D(64, kernel: 5, padding: 2, activation: .relu, initializer: .he)
            Conv1D(64, kernel: 5, stride: 2, padding: 2, activation: .relu, initializer: .he)
            Conv1D(64, kernel: 3, padding: 2, dilation: 2, activation: .relu, initializer: .he)
            Flatten()
            Dense(10)
        }
    }
    @OptionGroup var options: TrainingBench
}

/// `swift-lab bench adam`: 1.9 million weights, so that a step is mostly the optimizer's.
struct BenchAdam: NetworkBench {
    static let subject = TrainingBench.Subject(
        "adam", "a perceptron 784-1024-1024-10 by Adam", batch: 64, input: [784], optimizer: .adam()
    ) {
        Sequential {
            Dense(1024, activation: .relu)
            Dense(1024, activation: .gelu)
            Dense(10)
        }
    }
    @OptionGroup var options: TrainingBench
}
