internal import Tensors

/// Networks of the literature, ready to be trained.
///
///     let net = Networks.resNet(18, classes: 10, inputs: .small)
///     net.initialize(input: [3, 32, 32])
public enum Networks {
    /// The size of the images that a network is for.
    public enum Inputs: Sendable {
        /// About 224x224 pixels, as in the papers.
        case large
        /// About 32x32 pixels: the first layers do not shrink the images as much.
        case small
    }

    /// DIGITS' LeNet, for images of about 28x28 pixels.
    public static func leNet(classes: Int = 10) -> Sequential {
        Sequential {
            Conv2D(20, kernel: 5)
            MaxPool2D(2)
            Conv2D(50, kernel: 5)
            MaxPool2D(2)
            Flatten()
            Dense(500, activation: .relu)
            Dense(classes)
        }
    }

    /// LeNet-5 (LeCun et al., 1998) for images of 28x28 pixels, which it pads to 32x32. The second convolution sees all
    /// channels, and the last layer is a plain one.
    public static func leNet5(classes: Int = 10) -> Sequential {
        Sequential {
            Conv2D(6, kernel: 5, padding: 2, activation: .tanh)
            AveragePool2D(2)
            Conv2D(16, kernel: 5, activation: .tanh)
            AveragePool2D(2)
            Flatten()
            Dense(120, activation: .tanh)
            Dense(84, activation: .tanh)
            Dense(classes)
        }
    }

    /// AlexNet (Krizhevsky et al., 2012) with the filters of its later version on one processor (Krizhevsky, 2014).
    public static func alexNet(classes: Int, inputs: Inputs = .large) -> Sequential {
        Sequential {
            if inputs == .large {
                Conv2D(64, kernel: 11, stride: 4, padding: 2, activation: .relu, initializer: .he)
                MaxPool2D(3, stride: 2)
            } else {
                Conv2D(64, kernel: 3, padding: 1, activation: .relu, initializer: .he)
                MaxPool2D(2)
            }
            Conv2D(192, kernel: 5, padding: 2, activation: .relu, initializer: .he)
            MaxPool2D(3, stride: 2)
            Conv2D(384, kernel: 3, padding: 1, activation: .relu, initializer: .he)
            Conv2D(256, kernel: 3, padding: 1, activation: .relu, initializer: .he)
            Conv2D(256, kernel: 3, padding: 1, activation: .relu, initializer: .he)
            MaxPool2D(3, stride: 2)
            Flatten()
            Dropout(0.5)
            Dense(inputs == .large ? 4096 : 512, activation: .relu, initializer: .he)
            Dropout(0.5)
            Dense(inputs == .large ? 4096 : 512, activation: .relu, initializer: .he)
            Dense(classes)
        }
    }

    /// GoogLeNet (Szegedy et al., 2014) without its side classifiers.
    public static func googLeNet(classes: Int, inputs: Inputs = .large) -> Sequential {
        Sequential {
            if inputs == .large {
                Conv2D(64, kernel: 7, stride: 2, padding: 3, activation: .relu, initializer: .he)
                MaxPool2D(3, stride: 2, padding: 1)
                Conv2D(64, kernel: 1, activation: .relu, initializer: .he)
                Conv2D(192, kernel: 3, padding: 1, activation: .relu, initializer: .he)
                MaxPool2D(3, stride: 2, padding: 1)
            } else {
                Conv2D(192, kernel: 3, padding: 1, activation: .relu, initializer: .he)
            }
            Inception(64, 96, 128, 16, 32, 32)
            Inception(128, 128, 192, 32, 96, 64)
            MaxPool2D(3, stride: 2, padding: 1)
            Inception(192, 96, 208, 16, 48, 64)
            Inception(160, 112, 224, 24, 64, 64)
            Inception(128, 128, 256, 24, 64, 64)
            Inception(112, 144, 288, 32, 64, 64)
            Inception(256, 160, 320, 32, 128, 128)
            MaxPool2D(3, stride: 2, padding: 1)
            Inception(256, 160, 320, 32, 128, 128)
            Inception(384, 192, 384, 48, 128, 128)
            GlobalAveragePool2D()
            Dropout(0.4)
            Dense(classes)
        }
    }

    /// ResNet with 18, 34, 50, 101 or 152 layers (He et al., 2015).
    public static func resNet(_ depth: Int, classes: Int, inputs: Inputs = .large) -> Sequential {
        let known: [Int: [Int]] = [
            18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3],
        ]
        guard let blocks = known[depth] else {
            fail("Networks.resNet: there is no ResNet with \(depth) layers; there are 18, 34, 50, 101 and 152")
        }
        let isDeep = depth >= 50
        return Sequential {
            if inputs == .large {
                Conv2D(64, kernel: 7, stride: 2, padding: 3, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
                MaxPool2D(3, stride: 2, padding: 1)
            } else {
                Conv2D(64, kernel: 3, padding: 1, bias: false, initializer: .he)
                BatchNorm()
                ReLU()
            }
            for stage in 0..<4 {
                for block in 0..<blocks[stage] {
                    let stride = stage > 0 && block == 0 ? 2 : 1
                    if isDeep {
                        Residual(bottleneck: 64 << stage, stride: stride, projects: block == 0)
                    } else {
                        Residual(filters: 64 << stage, stride: stride)
                    }
                }
            }
            GlobalAveragePool2D()
            Dense(classes)
        }
    }
}
