internal import Synchronization
public import Tensors

/// How a loss changes with each parameter of a model, by name.
///
///     let (loss, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
///     gradients["conv1.weight"]
///
/// A value: computing it again cannot add to it.
public struct Gradients: Sendable, RandomAccessCollection {
    struct Entry: Sendable {
        let name: String
        let parameter: Parameter
        var gradient: Tensor
    }
    var entries: [Entry]

    public var startIndex: Int { 0 }
    public var endIndex: Int { entries.count }
    public subscript(position: Int) -> (name: String, gradient: Tensor) {
        (entries[position].name, entries[position].gradient)
    }

    /// `nil` where the loss did not read such a parameter.
    public subscript(name: String) -> Tensor? { entries.first { $0.name == name }?.gradient }

    /// The length of all gradients as one vector.
    public var norm: Float {
        Float(entries.reduce(0.0) { $0 + Double($1.gradient.squared().sum().item) }.squareRoot())
    }

    /// Shortened to the given length where they are longer.
    public func clipped(toNorm limit: Double) -> Gradients {
        if let device = entries.first?.gradient.device, device.isGPU { return clippedUnread(toNorm: limit) }
        let norm = Double(norm)
        guard norm > limit else { return self }
        var result = self
        for index in entries.indices { result.entries[index].gradient = entries[index].gradient * (limit / norm) }
        return result
    }

    /// The same without waiting for the length: on a GPU, which so can repeat a step by itself.
    private func clippedUnread(toNorm limit: Double) -> Gradients {
        let squares = entries.map { $0.gradient.squared().sum().converted(to: .float64) }
        let norm = squares.dropFirst().reduce(squares[0], +).squareRoot()
        let factor = minimum(limit / norm, 1).converted(to: .float32)
        var result = self
        for index in entries.indices { result.entries[index].gradient = entries[index].gradient * factor }
        return result
    }
}

extension Gradients {
    /// Each gradient times a number.
    public func scaled(by factor: Double) -> Gradients {
        guard factor != 1 else { return self }
        var result = self
        for index in entries.indices { result.entries[index].gradient = entries[index].gradient * factor }
        return result
    }

    /// The sums of both, parameter by parameter; what only one of them has is taken as it is. This is how the gradients
    /// of several small batches become those of a large one.
    public func adding(_ other: Gradients) -> Gradients {
        var result = self
        for entry in other.entries {
            if let index = entries.firstIndex(where: { $0.parameter === entry.parameter }) {
                result.entries[index].gradient = entries[index].gradient + entry.gradient
            } else {
                result.entries.append(entry)
            }
        }
        return result
    }
}

private let stepCount = Mutex(0 as UInt64)

/// The value of a function of a model, and its gradient for every parameter that it read.
///
///     let (loss, gradients) = valueAndGradient(of: net) { crossEntropy($0(images), labels) }
///     optimizer.update(net, along: gradients)
///
/// The model is in training inside: dropout drops, drawing from `randomness` or, without it, from a new place at each
/// call.
public func valueAndGradient<Model: Module>(
    of model: Model, randomness: RandomGenerator? = nil, _ function: (Model) throws -> Tensor
) rethrows -> (value: Tensor, gradients: Gradients) {
    let contents = ModuleContents.of(model)
    let randomness =
        randomness
        ?? RandomGenerator(seed: 0).split(
            stepCount.withLock { count in
                count += 1
                return count
            })
    let (value, found) = try valueAndGradients(randomness: randomness) { try function(model) }
    // They come in the order in which the model read them, which mostly is that of its properties.
    var next = 0
    var entries: [Gradients.Entry] = []
    entries.reserveCapacity(found.count)
    for (name, parameter) in contents.parameters {
        if next == found.count || found[next].parameter !== parameter {
            guard let position = found.firstIndex(where: { $0.parameter === parameter }) else { continue }
            next = position
        }
        entries.append(Gradients.Entry(name: name, parameter: parameter, gradient: found[next].gradient))
        next += 1
    }
    if entries.count < found.count,
        let (hidden, _) = found.first(where: { found in !entries.contains { $0.parameter === found.parameter } })
    {
        let parameter = hidden as! Parameter
        fail(
            """
            valueAndGradient: the loss read a parameter of the shape \(parameter.shape.map(\.description) ?? "unknown") \
            that \(Model.self) does not have as a property; lazy properties, tuples and dictionaries are not looked into
            """)
    }
    return (value, Gradients(entries: entries))
}
