public import Display
public import Tensors

/// A model as a table: a line for each layer.
public struct Summary: Displayable, CustomStringConvertible, Sendable {
    public struct Row: Sendable, Hashable {
        /// The path of properties, `conv1`; of a layer without one, what it is.
        public let name: String
        public let kind: String
        /// Without the batch.
        public let outputShape: Shape
        public let parameters: Int
        /// For one input.
        public let multiplyAdds: Int
        /// Bytes of the output for one input, in `float32`.
        public let memory: Int
    }
    public let rows: [Row]
    /// What parameters that belong to no layer hold.
    private let otherParameters: Int

    public var parameters: Int { rows.reduce(otherParameters) { $0 + $1.parameters } }
    public var multiplyAdds: Int { rows.reduce(0) { $0 + $1.multiplyAdds } }
    /// Bytes of all layers' outputs for one input, in `float32`.
    public var memory: Int { rows.reduce(0) { $0 + $1.memory } }

    init(_ model: any Module, input: Shape) {
        let contents = ModuleContents.of(model)
        let trace = ShapeTrace()
        _ = withShapeTrace(trace) { model(Tensor(shapeOnly: Shape([1] + input.sizes))) }
        let noted = Dictionary(
            trace.shapes.map { (ObjectIdentifier($0.0), $0.1) }, uniquingKeysWith: { first, _ in first })
        func count(_ parameter: Parameter) -> Int {
            guard parameter.isTrained else { return 0 }
            return (parameter.shape ?? noted[ObjectIdentifier(parameter)])?.elementCount ?? 0
        }
        var counted: Set<ObjectIdentifier> = []
        rows = trace.rows.map { row in
            // A layer that is used twice has its parameters once.
            let own = ModuleContents.parameters(inside: row.layer).filter {
                counted.insert(ObjectIdentifier($0)).inserted
            }
            return Row(
                name: row.layer.name ?? row.layer.kind, kind: row.layer.kind,
                outputShape: Shape(row.output.dropFirst()),
                parameters: own.reduce(0) { $0 + count($1) },
                multiplyAdds: row.layer.multiplyAdds(input: row.input, output: row.output),
                memory: row.output.elementCount * 4)
        }
        otherParameters = contents.parameters.reduce(0) {
            $0 + (counted.contains(ObjectIdentifier($1.parameter)) ? 0 : count($1.parameter))
        }
    }

    /// As it is shown. Numbers are `float32`, 4 bytes each; a KB is 1,024 bytes.
    public var table: Table {
        Table(
            ["layer", "kind", "output", "parameters", "multiply-adds", "activations of one input"],
            rows: rows.map {
                [
                    $0.name, $0.kind, $0.outputShape.description, $0.parameters.grouped, $0.multiplyAdds.grouped,
                    kilobytes($0.memory),
                ]
            }, numeric: [3, 4, 5],
            footer: [
                "in all", "", "", "\(parameters.grouped) (\(kilobytes(parameters * 4)))", multiplyAdds.grouped,
                kilobytes(memory),
            ])
    }

    public var description: String { table.text }

    public var mimeBundle: MimeBundle { table.mimeBundle }

    /// With a digit behind the point, below 1 KB with two: `1,683.9 KB`, `0.04 KB`.
    private func kilobytes(_ bytes: Int) -> String {
        if bytes < 1024 { return "\((Double(bytes) / 1024).fixed(2)) KB" }
        let tenths = (bytes * 10 + 512) / 1024
        return "\((tenths / 10).grouped).\(tenths % 10) KB"
    }
}

extension Module {
    /// The layers with their output shapes, parameters, multiply-adds and memory for one input of the given shape,
    /// without the batch: `net.summary(input: [1, 28, 28])`. Nothing is fixed by it.
    public func summary(input: Shape) -> Summary { Summary(self, input: input) }
}
