internal import Tensors

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
