internal import Tensors

/// What a pass over the shapes alone finds out.
final class ShapeTrace {
    struct Row {
        let layer: Layer
        let input: Shape
        let output: Shape
    }
    private(set) var shapes: [(Parameter, Shape)] = []
    private(set) var rows: [Row] = []

    func note(_ parameter: Parameter, _ shape: Shape) {
        if !shapes.contains(where: { $0.0 === parameter }) { shapes.append((parameter, shape)) }
    }
    func add(_ layer: Layer, input: Shape, output: Shape) {
        rows.append(Row(layer: layer, input: input, output: output))
    }
}
