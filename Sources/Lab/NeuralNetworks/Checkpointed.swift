public import Tensors

/// A part of a network whose activations are not kept while it is trained, but computed again on the way back: memory for
/// time, see `checkpointed(_:_:)`.
///
///     let net = Sequential {
///         Checkpointed { Conv2D(64, kernel: 3, padding: 1);  ReLU();  Conv2D(64, kernel: 3, padding: 1);  ReLU() }
///         Flatten()
///         Dense(10)
///     }
///
/// Parameters have the names that they have without it.
public final class Checkpointed: Module {
    public let module: any Module

    public init(_ module: any Module) { self.module = module }
    public convenience init(@SequentialBuilder _ layers: () -> [any Module]) { self.init(Sequential(layers())) }

    public func callAsFunction(_ x: Tensor) -> Tensor { checkpointed(x) { [module] in module($0) } }
}
