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
    package static func allocate(_ shapes: [Shape]) -> [ParameterStorage] { allocate(shapes, on: GPU.current) }

    /// The same where the other storages lie, one for each: on a GPU, what an optimizer keeps for a parameter.
    package static func allocate(_ shapes: [Shape], beside others: [ParameterStorage]) -> [ParameterStorage] {
        guard !others.isEmpty else { return allocate(shapes) }
        guard others.contains(where: \.isOnGPU) else { return allocate(shapes, on: nil) }
        let gpu = others[0].buffer.gpu
        if others.allSatisfy({ $0.buffer.gpu === gpu }) { return allocate(shapes, on: gpu) }
        return zip(shapes, others).map { allocate([$0], on: $1.buffer.gpu)[0] }
    }

    private static func allocate(_ shapes: [Shape], on gpu: GPU?) -> [ParameterStorage] {
        // Lines of the processor's memory, and what the widest loads of a GPU like.
        let line = gpu == nil ? 64 : 256
        let sizes = shapes.map { ($0.elementCount * 4 + line - 1) / line * line }
        let byteCount = sizes.reduce(0, +)
        let whole: Buffer
        if let gpu {
            whole = gpu.buffer(byteCount, for: "parameters", outlivesTape: true)
            gpu.clear(whole, for: "parameters")
        } else {
            whole = Buffer(byteCount: byteCount, outlivesTape: true)
            whole.address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        }
        var offset = 0
        return zip(shapes, sizes).map { shape, size in
            defer { offset += size }
            return ParameterStorage(
                shape: shape, buffer: Buffer(of: whole, offset: offset, byteCount: shape.elementCount * 4))
        }
    }

    var isOnGPU: Bool { buffer.gpu != nil }

    /// The memory itself as a tensor, which changes when training does.
    package var live: Tensor { Tensor(handle: Handle(shape: shape, dtype: .float32, buffer: buffer)) }

    /// The values that are here now.
    package var copy: Tensor {
        Tensor(handle: Handle(shape: shape, dtype: .float32, buffer: buffer.copy(shape.elementCount * 4)))
    }

    /// Changes the values.
    package func write(_ tensor: Tensor) {
        if let gpu = buffer.gpu {
            let source = tensor.on(gpu).converted(to: .float32).buffer
            Pending.settle()
            return gpu.copy(source, to: buffer, byteCount: shape.elementCount * 4, for: "parameters")
        }
        let values = tensor.onProcessor().converted(to: .float32)
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
        let steps = OptimizerKernels.take(steps) {
            $0.momentum(rate: rate, momentum: momentum, decay: decay, nesterov: nesterov)
        }
        let table = kernels_table()
        inPieces(steps) { _, w, g, moment, _, count in
            // Without momentum nothing is kept, and moments that stay 0 need not be read and written.
            if momentum == 0 { return table.pointee.plainStep(w, g, Int64(count), Float(rate), Float(decay)) }
            table.pointee.momentumStep(
                w, g, moment, Int64(count), Float(rate), Float(momentum), Float(decay), nesterov ? 1 : 0)
        }
    }

    /// Runs `body` for pieces of the parameters, on several threads. It gets the number of the step, where the piece lies in
    /// values, gradient and state, the size of the parameter and that of the piece.
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
        let pieces = pieces(of: steps.map(\.storage))
        parallel(pieces.count) { number in
            let piece = pieces[number]
            run(piece.index, piece.start, piece.count)
        }
    }

    /// All values in pieces of up to 16,384, so that threads share large and small parameters evenly: of which storage
    /// each is, and where in it.
    static func pieces(of storages: [ParameterStorage]) -> [(index: Int, start: Int, count: Int)] {
        storages.enumerated().flatMap { index, storage in
            let count = storage.shape.elementCount
            return stride(from: 0, to: count, by: 16384).map { (index, $0, min(16384, count - $0)) }
        }
    }
}
