internal import Synchronization
public import Tensors

/// A tensor that training changes: a weight, a bias.
///
///     final class Scale: Module {
///         @Parameter var factor = Tensor.ones([1])
///         func callAsFunction(_ x: Tensor) -> Tensor { x * factor }
///     }
///
/// A reference with an identity: optimizers and checkpoints know it by the name of the property, `scale.factor`.
/// Reading the property inside `valueAndGradient(of:)` puts the value on the tape; reading it elsewhere copies the
/// value, which later training then leaves alone.
@propertyWrapper
public final class Parameter: @unchecked Sendable {
    private struct State {
        var storage: ParameterStorage?
        var name: String?
        var isFrozen = false
    }
    private let state: Mutex<State>
    /// Where the values come from when the shape becomes known; `nil` where they were given.
    let initializer: Initializer?
    /// Whether optimizers change it. Running statistics are kept with the weights, but are not trained.
    public let isTrained: Bool
    /// Whether it takes part at all: the bias of a layer without one does not.
    let isUsed: Bool
    private let ordinal = Parameter.nextOrdinal.withLock { ordinal in
        ordinal += 1
        return ordinal
    }
    private static let nextOrdinal = Mutex(0 as UInt64)

    /// A parameter with a value.
    public init(wrappedValue: Tensor) {
        let storage = ParameterStorage.allocate([wrappedValue.shape])[0]
        storage.write(wrappedValue)
        state = Mutex(State(storage: storage))
        initializer = nil
        isTrained = true
        isUsed = true
    }

    /// A parameter whose shape is worked out from the first input.
    public convenience init(_ initializer: Initializer, isTrained: Bool = true) {
        self.init(initializer, isTrained: isTrained, isUsed: true)
    }

    init(_ initializer: Initializer, isTrained: Bool = true, isUsed: Bool) {
        state = Mutex(State())
        self.initializer = initializer
        self.isTrained = isTrained
        self.isUsed = isUsed
    }

    public var wrappedValue: Tensor {
        get {
            guard storage != nil else {
                fail(
                    "\(name ?? "Parameter"): there is no value yet; sizes are known after the first input, or after `initialize(input:seed:)`"
                )
            }
            return Tape.current == nil ? storage!.copy : value()
        }
        set { set(newValue) }
    }

    public var projectedValue: Parameter { self }

    /// The path of properties to it, `conv1.weight`; `nil` until the model it belongs to was looked through.
    public internal(set) var name: String? {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }

    /// A frozen parameter keeps its value in training.
    public var isFrozen: Bool {
        get { state.withLock { $0.isFrozen } }
        set { state.withLock { $0.isFrozen = newValue } }
    }

    /// `nil` until it is known.
    public var shape: Shape? { storage?.shape }

    var storage: ParameterStorage? {
        get { state.withLock { $0.storage } }
        set { state.withLock { $0.storage = newValue } }
    }

    /// The value for a layer to compute with: on the tape, or the live memory.
    private func value() -> Tensor {
        let storage = storage!
        if isFrozen || !isTrained { return storage.live }
        return Tape.leaf(for: self) { storage.live } ?? storage.live
    }

    /// The value for a layer to compute with, of the shape that follows from its input. The first input that has
    /// elements fixes the shape; later ones that do not fit are for the layer's operation to complain about.
    public func value(shaped shape: Shape, for input: Tensor) -> Tensor {
        if let storage { return input.isShapeOnly ? Tensor(shapeOnly: storage.shape) : value() }
        if input.isShapeOnly {
            (currentShapeTrace as? ShapeTrace)?.note(self, shape)
            return Tensor(shapeOnly: shape)
        }
        draw(into: ParameterStorage.allocate([shape])[0], seed: 0, name: name)
        return value()
    }

    /// Values from the seed and the name; from the order of creation where nobody has named it.
    func draw(into storage: ParameterStorage, seed: Int, name: String?) {
        guard let initializer else { return }
        let root = RandomGenerator(seed: seed)
        var generator = name.map { root.split($0) } ?? root.split(ordinal)
        storage.write(initializer.values(storage.shape, using: &generator))
        self.storage = storage
    }

    /// Changes the value; its memory stays where it is.
    public func set(_ value: Tensor) {
        if let storage {
            guard storage.shape == value.shape else {
                fail("\(name ?? "the parameter") has the shape \(storage.shape) and cannot become \(value.shape)")
            }
            storage.write(value)
        } else {
            let fresh = ParameterStorage.allocate([value.shape])[0]
            fresh.write(value)
            storage = fresh
        }
    }
}
