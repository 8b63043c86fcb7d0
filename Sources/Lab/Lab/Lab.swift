/// `import Lab` is all that a notebook needs.
@_exported import Datasets
@_exported import Display
@_exported import NeuralNetworks
@_exported import Pictures
@_exported import Tensors
@_exported import Training
