internal import Synchronization
public import Tensors

/// The library's own building blocks. A layer names itself in error messages and counts in a model's summary.
///
/// Networks of one's own are a `Module`; inherit from `Layer` where a new building block should appear in summaries as
/// one line.
open class Layer: Module, LayerContext {
    private let givenName = Mutex<String?>(nil)

    public init() {}

    /// The path of properties that leads to it in the model; `nil` until the model was looked through.
    public internal(set) var name: String? {
        get { givenName.withLock { $0 } }
        set { givenName.withLock { $0 = newValue } }
    }

    /// What is written in code to make it, `Dense(500)`.
    open var kind: String { String(describing: type(of: self)) }

    /// What the layer computes.
    open func forward(_ input: Tensor) -> Tensor { input }

    /// How many multiplications and additions one input (without the batch) takes.
    open func multiplyAdds(input: Shape, output: Shape) -> Int { 0 }

    package var contextName: String { name ?? kind }

    public final func callAsFunction(_ input: Tensor) -> Tensor {
        let output = inContext(of: self) { forward(input) }
        guard let trace = currentShapeTrace else { return output }
        if input.isShapeOnly {
            (trace as? ShapeTrace)?.add(self, input: input.shape, output: output.shape)
        } else {
            (trace as? ActivationTrace)?.add(self, output)
        }
        return output
    }
}
