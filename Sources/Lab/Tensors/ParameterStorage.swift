internal import CKernels

/// Memory that a model's values stay in while training changes them in place. It never moves.
package final class ParameterStorage: @unchecked Sendable {
    package let shape: Shape
    private let buffer: Buffer

    private init(shape: Shape, buffer: Buffer) {
        self.shape = shape
        self.buffer = buffer
    }

    /// One piece of memory for several, one after the other, each beginning on a line of memory of its own.
    package static func allocate(_ shapes: [Shape]) -> [ParameterStorage] {
        let sizes = shapes.map { ($0.elementCount * 4 + 63) / 64 * 64 }
        let whole = Buffer(byteCount: sizes.reduce(0, +), outlivesTape: true)
        whole.address.initializeMemory(as: UInt8.self, repeating: 0, count: whole.byteCount)
        var offset = 0
        return zip(shapes, sizes).map { shape, size in
            defer { offset += size }
            return ParameterStorage(
                shape: shape, buffer: Buffer(of: whole, offset: offset, byteCount: shape.elementCount * 4))
        }
    }

    /// The memory itself as a tensor, which changes when training does.
    package var live: Tensor { Tensor(handle: Handle(shape: shape, dtype: .float32, buffer: buffer)) }

    /// The values that are here now.
    package var copy: Tensor {
        let result = Tensor(uninitialized: shape)
        result.buffer.address.copyMemory(from: buffer.address, byteCount: shape.elementCount * 4)
        return result
    }

    /// Changes the values.
    package func write(_ tensor: Tensor) {
        let values = tensor.converted(to: .float32)
        let source = values.buffer
        Pending.settle()
        buffer.address.copyMemory(from: source.address, byteCount: shape.elementCount * 4)
    }

    /// The values, to be changed by an optimizer that called `settle` before.
    package var values: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: buffer.pointer(), count: shape.elementCount)
    }

    /// Computes what was put off and may depend on parameters. To be called before they change.
    package static func settle() { Pending.settle() }

    /// One step of stochastic gradient descent: gradient += decay · value; moment = momentum · moment + gradient;
    /// value -= rate · (nesterov ? gradient + momentum · moment : moment).
    package static func momentumStep(
        _ steps: [(storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage)], rate: Double,
        momentum: Double, decay: Double, nesterov: Bool
    ) {
        settle()
        let table = kernels_table()
        inPieces(steps) { _, w, g, moment, _, count in
            // Without momentum nothing is kept, and moments that stay 0 need not be read and written.
            if momentum == 0 { return table.pointee.plainStep(w, g, Int64(count), Float(rate), Float(decay)) }
            table.pointee.momentumStep(
                w, g, moment, Int64(count), Float(rate), Float(momentum), Float(decay), nesterov ? 1 : 0)
        }
    }

    /// Runs `body` for pieces of 16,384 values, so that threads share large and small parameters evenly. It gets the
    /// number of the step, where the piece lies in values, gradient and state, the size of the parameter and that of the
    /// piece.
    static func inPieces(
        _ steps: [(storage: ParameterStorage, gradient: Tensor, moment: ParameterStorage)],
        _ body: (
            Int, UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, _ size: Int,
            _ count: Int
        ) -> Void
    ) {
        func run(_ index: Int, _ start: Int, _ count: Int) {
            let (storage, gradient, moment) = steps[index]
            body(
                index, storage.buffer.pointer(Float.self) + start, gradient.floats + start,
                moment.buffer.pointer(Float.self) + start, storage.shape.elementCount, count)
        }
        // What fits into the cache of one core stays there: to wake another takes as long as the step.
        if steps.reduce(0, { $0 + $1.storage.shape.elementCount }) <= 131_072 {
            return flushingDenormals {
                for index in steps.indices { run(index, 0, steps[index].storage.shape.elementCount) }
            }
        }
        var pieces: [(step: Int, start: Int)] = []
        for (index, step) in steps.enumerated() {
            for start in stride(from: 0, to: step.storage.shape.elementCount, by: 16384) {
                pieces.append((index, start))
            }
        }
        parallel(pieces.count) { number in
            let (index, start) = pieces[number]
            run(index, start, min(16384, steps[index].storage.shape.elementCount - start))
        }
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

extension Tensor {
    /// A tensor without elements, to work out shapes with.
    package static func shapeOnly(_ shape: Shape, dtype: DType = .float32) -> Tensor { Tensor(shapeOnly: shape, dtype) }
    /// Whether only the shape is being worked out.
    package var hasNoElements: Bool { isShapeOnly }
}
