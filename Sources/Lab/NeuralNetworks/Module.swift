internal import Synchronization
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

/// What reflection found in a module.
struct ModuleContents {
    var parameters: [(name: String, parameter: Parameter)] = []
    var modules: [(name: String, module: any Module)] = []

    private struct Known: @unchecked Sendable {
        weak var module: (any Module)?
        var contents: ModuleContents
    }
    private static let known = Mutex<[ObjectIdentifier: Known]>([:])

    /// The parameters of a module with their names, which they remember. Looked through once for each object.
    static func of(_ module: any Module) -> ModuleContents {
        let identity = ObjectIdentifier(module)
        if let known = known.withLock({ $0[identity] }), known.module === module { return known.contents }
        var contents = ModuleContents()
        contents.add(module, "")
        var seen: Set<ObjectIdentifier> = []
        contents.parameters = contents.parameters.filter { seen.insert(ObjectIdentifier($0.parameter)).inserted }
        // The longest path wins, so that looking at a part does not rename it for the whole.
        func depth(_ name: String?) -> Int { name.map { $0.split(separator: ".").count } ?? 0 }
        for (name, parameter) in contents.parameters where depth(name) >= depth(parameter.name) {
            parameter.name = name
        }
        for case (let name, let layer as Layer) in contents.modules
        where !name.isEmpty && depth(name) >= depth(layer.name) {
            layer.name = name
        }
        // The modules inside are kept by the outer one, so the contents are remembered without a cycle.
        let entry = Known(module: module, contents: contents.withoutOuter(module))
        known.withLock { all in
            all = all.filter { $0.value.module != nil }
            all[identity] = entry
        }
        return contents
    }

    private func withoutOuter(_ module: any Module) -> ModuleContents {
        var copy = self
        copy.modules.removeAll { $0.module === module }
        return copy
    }

    private mutating func add(_ module: any Module, _ path: String) {
        guard !modules.contains(where: { $0.module === module }) else { return }
        modules.append((path, module))
        var mirror: Mirror? = Mirror(reflecting: module)
        var mirrors: [Mirror] = []
        while let current = mirror {
            mirrors.append(current)
            mirror = current.superclassMirror
        }
        for mirror in mirrors.reversed() {
            for child in mirror.children {
                guard let label = child.label else { continue }
                // A property wrapper's storage carries an underscore; the layers of Sequential are called by number.
                let name = label.hasPrefix("_") ? String(label.dropFirst()) : label
                let isPlain = module is Sequential && name == "layers" || module is Checkpointed && name == "module"
                add(any: child.value, path.isEmpty || isPlain ? path + (isPlain ? "" : name) : "\(path).\(name)")
            }
        }
    }

    private mutating func add(any value: Any, _ path: String) {
        switch value {
        case let parameter as Parameter: if parameter.isUsed { parameters.append((path, parameter)) }
        case let module as any Module: add(module, path)
        case let modules as [any Module]:
            for (index, module) in modules.enumerated() { add(module, path.isEmpty ? "\(index)" : "\(path).\(index)") }
        default:
            let mirror = Mirror(reflecting: value)
            if mirror.displayStyle == .optional, let some = mirror.children.first { add(any: some.value, path) }
        }
    }
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
        _ = withShapeTrace(trace) { self(Tensor.shapeOnly(Shape([2] + input.sizes))) }
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

extension ModuleContents {
    /// The parameters below a module, without naming them anew.
    static func parameters(inside module: any Module) -> [Parameter] {
        var contents = ModuleContents()
        contents.add(module, "")
        return contents.parameters.map(\.parameter)
    }
}

/// Values that do not fit a model.
public struct ParameterError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
