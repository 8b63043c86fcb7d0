package import Tensors

/// What the layers of a model, and the functions that it calls between them, made of an input, in the order in which they
/// were called.
package final class ActivationTrace: FunctionTrace {
    package struct Row {
        /// The path of properties, `conv1`; of a layer without one, what it is; of a function its name, from the second
        /// call on with a number: `relu`, `relu 2`.
        package let name: String
        package let kind: String
        /// `[batch, …]`
        package let output: Tensor
        /// The layer's own parameters by their last name, `weight`.
        package let parameters: [(name: String, value: Tensor)]
    }
    package private(set) var rows: [Row] = []
    private var seen: Set<ObjectIdentifier> = []
    private var calls: [String: Int] = [:]

    package func add(function: String, _ output: Tensor) {
        calls[function, default: 0] += 1
        let call = calls[function]!
        rows.append(
            Row(name: call == 1 ? function : "\(function) \(call)", kind: function, output: output, parameters: []))
    }

    func add(_ layer: Layer, _ output: Tensor) {
        let own = ModuleContents.parameters(inside: layer).compactMap { parameter in
            parameter.storage.map { (parameter.name?.split(separator: ".").last.map(String.init) ?? "", $0.copy) }
        }
        // A layer that is used twice shows its parameters once.
        let isNew = seen.insert(ObjectIdentifier(layer)).inserted
        rows.append(
            Row(name: layer.name ?? layer.kind, kind: layer.kind, output: output, parameters: isNew ? own : []))
    }

    /// Calls the model on an input and notes what its layers answer.
    package static func of(_ model: any Module, _ input: Tensor) -> [Row] {
        // Looked through first, so that the layers have their names.
        _ = ModuleContents.of(model)
        let trace = ActivationTrace()
        _ = withShapeTrace(trace) { model(input) }
        return trace.rows
    }
}
