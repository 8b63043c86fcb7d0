public import Tensors

/// Layers one after the other.
///
///     let net = Sequential {
///         Conv2D(20, kernel: 5);  MaxPool2D(2)
///         Flatten()
///         Dense(10)
///     }
///
/// Parameters are named after the position: `0.weight`.
public final class Sequential: Module {
    public let layers: [any Module]

    public init(@SequentialBuilder _ layers: () -> [any Module]) { self.layers = layers() }
    public init(_ layers: [any Module]) { self.layers = layers }

    public func callAsFunction(_ input: Tensor) -> Tensor { layers.reduce(input) { $1($0) } }

    public subscript(position: Int) -> any Module { layers[position] }
}

@resultBuilder
public enum SequentialBuilder {
    public static func buildExpression(_ module: any Module) -> [any Module] { [module] }
    public static func buildExpression(_ modules: [any Module]) -> [any Module] { modules }
    public static func buildBlock(_ parts: [any Module]...) -> [any Module] { Array(parts.joined()) }
    public static func buildOptional(_ part: [any Module]?) -> [any Module] { part ?? [] }
    public static func buildEither(first part: [any Module]) -> [any Module] { part }
    public static func buildEither(second part: [any Module]) -> [any Module] { part }
    public static func buildArray(_ parts: [[any Module]]) -> [any Module] { Array(parts.joined()) }
}
