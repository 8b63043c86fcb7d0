import NeuralNetworks
import Tensors
import Testing

/// A layer to be checked: a line of the same name in Tests/Golden/layers.py says what it has to give.
struct LayerRow: Sendable, CustomTestStringConvertible {
    let name: String
    let build: @Sendable () -> any Module
    init(_ name: String, _ build: @escaping @Sendable () -> any Module) {
        self.name = name
        self.build = build
    }
    var testDescription: String { name }
}

let layerTable = [
    LayerRow("Dense") { Dense(3) },
    LayerRow("DenseTanh") { Sequential { Dense(3, activation: .tanh, bias: false) } },
    LayerRow("Conv1D") { Conv1D(6, kernel: 3, stride: 2, padding: 1, groups: 2) },
    LayerRow("Conv2D") { Conv2D(6, kernel: 3, padding: 1) },
    LayerRow("Conv2DRectangular") {
        Conv2D(6, kernel: [3, 2], stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2)
    },
    LayerRow("TransposedConv2D") { TransposedConv2D(6, kernel: 3, stride: 2, padding: 1, outputPadding: 1) },
    LayerRow("TransposedConv2DRectangular") {
        TransposedConv2D(
            6, kernel: [3, 2], stride: [2, 1], padding: [1, 0], outputPadding: [1, 0], dilation: [1, 2], groups: 2)
    },
    LayerRow("MaxPool2D") { MaxPool2D([3, 2], stride: [1, 2], padding: [1, 0]) },
    LayerRow("AveragePool2D") { AveragePool2D(2) },
    LayerRow("AdaptiveAveragePool2D") { AdaptiveAveragePool2D(height: 4, width: 3) },
    LayerRow("AdaptiveMaxPool2D") { AdaptiveMaxPool2D(height: 4, width: 3) },
    LayerRow("GlobalAveragePool2D") { GlobalAveragePool2D() },
    LayerRow("GlobalMaxPool2D") { GlobalMaxPool2D() },
    LayerRow("BatchNorm") { BatchNorm() },
    LayerRow("BatchNormRows") { BatchNorm(epsilon: 1e-3, momentum: 0.3) },
    LayerRow("LayerNorm") { LayerNorm() },
    LayerRow("GroupNorm") { GroupNorm(groups: 2) },
    LayerRow("LocalResponseNorm") { LocalResponseNorm(size: 4, alpha: 0.3, beta: 0.6, k: 2) },
    LayerRow("Dropout") { Dropout(0) },
    LayerRow("Flatten") { Flatten() },
    LayerRow("Upsample") { Upsample(2) },
    LayerRow("UpsampleBilinear") { Upsample(3, .bilinear) },
    LayerRow("ReLU") { ReLU() },
    LayerRow("Sigmoid") { Sigmoid() },
    LayerRow("Tanh") { Tanh() },
    LayerRow("Softmax") { Softmax() },
    LayerRow("GELU") { GELU() },
    LayerRow("SiLU") { SiLU() },
    LayerRow("Softplus") { Softplus() },
    LayerRow("LeakyReLU") { LeakyReLU(slope: 0.2) },
    LayerRow("ELU") { ELU(scale: 1.3) },
    LayerRow("Sequential") {
        Sequential {
            Conv2D(3, kernel: 3)
            ReLU()
            Flatten()
            Dense(5)
        }
    },
    LayerRow("Residual") { Residual(filters: 4) },
    LayerRow("ResidualProjected") { Residual(filters: 6, stride: 2) },
    LayerRow("Inception") { Inception(2, 3, 4, 1, 2, 3) },
]
