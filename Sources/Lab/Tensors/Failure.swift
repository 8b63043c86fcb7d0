internal import CKernels

/// What the calling thread computes just now, for messages: set by layers.
package protocol LayerContext: AnyObject {
    /// `hidden`, or `Dense(500)` as long as nobody gave it a name.
    var contextName: String { get }
}

/// Runs `body` with `layer` named in the message of whatever fails in it.
package func inContext<Result>(of layer: AnyObject & LayerContext, _ body: () throws -> Result) rethrows -> Result {
    let state = kernels_thread_state()
    let outer = state.pointee.layer
    state.pointee.layer = Unmanaged.passUnretained(layer as AnyObject).toOpaque()
    defer { state.pointee.layer = outer }
    return try body()
}

/// Ends the program, or in a notebook the cell, with a sentence. Called before anything is allocated or locked.
package func fail(_ sentence: String) -> Never {
    DeviceCheck.endIfChecking(sentence)
    if let layer = kernels_thread_state().pointee.layer,
        let context = Unmanaged<AnyObject>.fromOpaque(layer).takeUnretainedValue() as? any LayerContext
    {
        fatalError("\(sentence), in `\(context.contextName)`")
    }
    fatalError(sentence)
}

extension Tensor {
    /// The position of an axis that may be counted from the end.
    func axis(_ axis: Int, _ operation: String) -> Int {
        guard axis >= -rank, axis < rank else {
            fail("\(operation): \(shape) has no axis \(axis)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// The positions of several axes, each of which may be there once.
    func axes(_ axes: [Int], _ operation: String) -> [Int] {
        let positions = axes.map { axis($0, operation) }
        guard Set(positions).count == positions.count else {
            fail("\(operation): \(axes) names an axis of \(shape) twice")
        }
        return positions
    }
}
