public import Tensors

/// A network or a part of one: a class whose properties are layers, other modules and parameters.
///
///     final class LeNet: Module {
///         let conv1 = Conv2D(20, kernel: 5), conv2 = Conv2D(50, kernel: 5)
///         let hidden = Dense(500), output = Dense(10)
///
///         func callAsFunction(_ images: Tensor) -> Tensor {           // [batch, 1, 28, 28]
///             let features = maxPool(conv2(maxPool(conv1(images), 2)), 2)
///             return output(relu(hidden(features.flattened())))       // [batch, 10]
///         }
///     }
///
/// Parameters are found in the properties (also in arrays and optionals of modules) and named after them:
/// `conv1.weight`. Properties that are lazy, tuples or dictionaries are not looked into.
public protocol Module: AnyObject {
    func callAsFunction(_ input: Tensor) -> Tensor
}

extension Module {
    /// The values of all parameters with their names, in the order of the properties.
    public var parameters: [(name: String, value: Tensor)] {
        ModuleContents.of(self).parameters.compactMap { name, parameter in
            parameter.storage.map { (name, $0.copy) }
        }
    }

    /// How many numbers training changes; 0 before the sizes are known.
    public var parameterCount: Int {
        ModuleContents.of(self).parameters.reduce(0) {
            $0 + ($1.parameter.isTrained ? $1.parameter.shape?.elementCount ?? 0 : 0)
        }
    }

    /// Gives every parameter its size and its first value, drawn from the seed and the parameter's name alone.
    ///
    /// `input` is the shape of one input without the batch: `[1, 28, 28]`. Values that the parameters already have are
    /// drawn anew; the memory stays.
    public func initialize(input: Shape, seed: Int = 0) {
        let contents = ModuleContents.of(self)
        let trace = ShapeTrace()
        _ = withShapeTrace(trace) { self(Tensor(shapeOnly: Shape([2] + input.sizes))) }
        var shapes: [ObjectIdentifier: Shape] = [:]
        for (parameter, shape) in trace.shapes { shapes[ObjectIdentifier(parameter)] = shape }
        // One piece of memory for all, in the order of the names.
        let fresh = contents.parameters.compactMap { entry in
            shapes[ObjectIdentifier(entry.parameter)].map { (entry.parameter, $0) }
        }
        let storages = ParameterStorage.allocate(fresh.map(\.1))
        let storage = Dictionary(uniqueKeysWithValues: zip(fresh.map { ObjectIdentifier($0.0) }, storages))
        for (name, parameter) in contents.parameters {
            guard let storage = storage[ObjectIdentifier(parameter)] ?? parameter.storage else { continue }
            parameter.draw(into: storage, seed: seed, name: name)
        }
    }

    /// Takes values by name: what `parameters` gave, or a file. Every parameter that is used has to be there, of
    /// its own shape.
    public func load(_ values: [String: Tensor]) throws(ParameterError) {
        let parameters = ModuleContents.of(self).parameters
        let isInitialized = parameters.contains { $0.parameter.shape != nil }
        for (name, parameter) in parameters {
            guard let value = values[name] else {
                // A layer that the network has but does not use never got a size.
                if isInitialized && parameter.shape == nil { continue }
                throw ParameterError(
                    "load: there is no value for \(name); there are \(values.keys.sorted().joined(separator: ", "))")
            }
            if let shape = parameter.shape, shape != value.shape {
                throw ParameterError("load: \(name) has the shape \(shape), the value \(value.shape)")
            }
        }
        for (name, parameter) in parameters { if let value = values[name] { parameter.set(value) } }
    }

    /// Takes values by name, in the form that `parameters` gives them.
    public func load(_ values: [(name: String, value: Tensor)]) throws(ParameterError) {
        try load(Dictionary(values.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last }))
    }

    /// Whether every parameter has the same name and shape as one of `other`, and the same bits.
    public func hasSameWeights(as other: some Module) -> Bool {
        let (own, others) = (parameters, other.parameters)
        return own.count == others.count
            && zip(own, others).allSatisfy { mine, theirs in
                mine.name == theirs.name && mine.value.shape == theirs.value.shape
                    && zip(mine.value.scalars, theirs.value.scalars).allSatisfy { $0.bitPattern == $1.bitPattern }
            }
    }

    /// Keeps the values of a part as they are: `model.freeze(\.conv1)`.
    public func freeze(_ part: KeyPath<Self, some Module>) { setFrozen(self[keyPath: part], true) }
    /// Keeps the values of a part that is only known to be a module: `net.freeze(\.[0])`.
    public func freeze(_ part: KeyPath<Self, any Module>) { setFrozen(self[keyPath: part], true) }
    /// Keeps the values of one parameter: `model.freeze(\.conv1.$bias)`.
    public func freeze(_ parameter: KeyPath<Self, Parameter>) { self[keyPath: parameter].isFrozen = true }
    /// Keeps the values of this module as they are.
    public func freeze() { setFrozen(self, true) }

    /// Lets training change a part again.
    public func unfreeze(_ part: KeyPath<Self, some Module>) { setFrozen(self[keyPath: part], false) }
    public func unfreeze(_ part: KeyPath<Self, any Module>) { setFrozen(self[keyPath: part], false) }
    public func unfreeze(_ parameter: KeyPath<Self, Parameter>) { self[keyPath: parameter].isFrozen = false }
    public func unfreeze() { setFrozen(self, false) }

    private func setFrozen(_ module: any Module, _ isFrozen: Bool) {
        // Names come from the whole model, so that is looked through first.
        _ = ModuleContents.of(self)
        for parameter in ModuleContents.parameters(inside: module) { parameter.isFrozen = isFrozen }
    }
}

/// Values that do not fit a model.
public struct ParameterError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
