import NeuralNetworks
import Tensors

/// The network that DIGITS calls LeNet, for images `[1, 28, 28]` of ten classes: the only non-linearity besides the
/// pooling is behind the hidden layer.
final class LeNet: Module {
    let conv1 = Conv2D(20, kernel: 5), conv2 = Conv2D(50, kernel: 5)
    let hidden = Dense(500), output = Dense(10)

    func callAsFunction(_ images: Tensor) -> Tensor {
        let features = maxPool(conv2(maxPool(conv1(images), 2)), 2)
        return output(relu(hidden(features.flattened())))
    }
}
