internal import CKernels

/// Notes what the functions that a model calls besides its layers make of their inputs: set for a thread as
/// `withShapeTrace` does.
package protocol FunctionTrace: AnyObject {
    func add(function: String, _ output: Tensor)
}

/// `compute()`, noted where the calling thread is traced. What the function calls itself belongs to it, and what a layer
/// calls is the layer's.
func traced(_ function: String, _ compute: () -> Tensor) -> Tensor {
    let state = kernels_thread_state()
    guard state.pointee.trace != nil, state.pointee.layer == nil, let trace = currentShapeTrace as? any FunctionTrace
    else { return compute() }
    let outer = state.pointee.trace
    state.pointee.trace = nil
    let output = compute()
    state.pointee.trace = outer
    trace.add(function: function, output)
    return output
}
