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

    init(_ model: any Module, input: Shape) {
        let contents = ModuleContents.of(model)
        let trace = ShapeTrace()
        _ = withShapeTrace(trace) { model(Tensor.shapeOnly(Shape([1] + input.sizes))) }
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

    private var cells: [[String]] {
        let head = ["layer", "kind", "output", "parameters", "multiply-adds", "memory"]
        let body = rows.map {
            [
                $0.name, $0.kind, $0.outputShape.description, grouped($0.parameters), grouped($0.multiplyAdds),
                size($0.memory),
            ]
        }
        let memory = rows.reduce(0) { $0 + $1.memory }
        return [head] + body + [["in all", "", "", grouped(parameters), grouped(multiplyAdds), size(memory)]]
    }

    public var description: String {
        let cells = cells
        let widths = (0..<6).map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            row.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column < 3 ? text + space : space + text
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    public var mimeBundle: MimeBundle {
        let cells = cells
        func line(_ row: [String], _ tag: String, isBold: Bool) -> String {
            let parts = row.enumerated().map { column, text in
                "<\(tag) style=\"text-align:\(column < 3 ? "left" : "right")\">\(isBold ? "<b>\(text)</b>" : text)</\(tag)>"
            }
            return "<tr>\(parts.joined())</tr>"
        }
        let body = cells.dropFirst().enumerated().map { line($1, "td", isBold: $0 == cells.count - 2) }
        let html = "<table><thead>\(line(cells[0], "th", isBold: false))</thead><tbody>\(body.joined())</tbody></table>"
        return MimeBundle(text: description, html: html)
    }

    private func grouped(_ number: Int) -> String {
        var digits = String(number)
        var parts: [String] = []
        while digits.count > 3 {
            parts.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + parts).joined(separator: ",")
    }

    private func size(_ bytes: Int) -> String {
        bytes < 10_240 ? "\(bytes) B" : bytes < 10_485_760 ? "\(bytes / 1024) KB" : "\(bytes / 1_048_576) MB"
    }
}

extension Module {
    /// The layers with their output shapes, parameters, multiply-adds and memory for one input of the given shape,
    /// without the batch: `net.summary(input: [1, 28, 28])`. Nothing is fixed by it.
    public func summary(input: Shape) -> Summary { Summary(self, input: input) }
}
