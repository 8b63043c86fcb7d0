internal import CKernels

// A pass over the shapes alone: tensors without elements go through a model, and every operation answers with one of its
// result's shape. So sizes are known, and mistakes found, before anything is computed.

extension Tensor {
    /// A tensor without elements, to work out shapes with.
    package init(shapeOnly shape: Shape, _ dtype: DType = .float32) {
        self.init(handle: Handle(shape: shape, dtype: dtype, buffer: nil))
    }
}

/// What a pass over the shapes alone notes down; set for the calling thread.
package func withShapeTrace<Result>(_ trace: AnyObject, _ body: () throws -> Result) rethrows -> Result {
    let state = kernels_thread_state()
    let outer = state.pointee.trace
    state.pointee.trace = Unmanaged.passUnretained(trace).toOpaque()
    defer { state.pointee.trace = outer }
    return try body()
}

package var currentShapeTrace: AnyObject? {
    kernels_thread_state().pointee.trace.map { Unmanaged<AnyObject>.fromOpaque($0).takeUnretainedValue() }
}
