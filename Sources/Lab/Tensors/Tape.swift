internal import CKernels
internal import Display
internal import Synchronization

/// One step of a computation: what it was computed from, and how a gradient goes back through it.
///
/// A small network's step is mostly the making of these, so that one or two operands and their way back lie in the node
/// itself: arrays of them, and closures around closures, took a third of a perceptron's time.
final class Node: @unchecked Sendable {
    let tape: Tape
    let index: Int
    fileprivate var first: Node?
    fileprivate var second: Node?
    /// Where there are more than two operands, all of them.
    fileprivate var all: [Node?] = []
    /// `nil` for a leaf, where gradients arrive.
    fileprivate var backward: Backward?
    fileprivate var gradient: Tensor?

    /// From the gradient of the result to those of the operands.
    fileprivate enum Backward {
        case one((Tensor) -> Tensor?)
        case two((Tensor) -> (Tensor?, Tensor?))
        case all((Tensor) -> [Tensor?])
        /// This one gets the result too.
        case result((Tensor, Tensor) -> Tensor?, Handle)
    }

    fileprivate init(tape: Tape, index: Int, _ first: Node?, _ second: Node?, _ backward: Backward?) {
        self.tape = tape
        self.index = index
        self.first = first
        self.second = second
        self.backward = backward
    }

    /// Hands the gradient on to those operands that stand on the tape at `start` or later.
    fileprivate func pass(_ gradient: Tensor, _ backward: Backward, since start: Int) {
        switch backward {
        case .one(let back): first?.receive(back(gradient), since: start)
        case .two(let back):
            let (left, right) = back(gradient)
            first?.receive(left, since: start)
            second?.receive(right, since: start)
        case .all(let back):
            for (input, contribution) in zip(all, back(gradient)) { input?.receive(contribution, since: start) }
        case .result(let back, let handle):
            first?.receive(back(gradient, Tensor(handle: handle, node: self)), since: start)
        }
    }

    private func receive(_ contribution: Tensor?, since start: Int) {
        guard let contribution, index >= start else { return }
        gradient = gradient.map { $0 + contribution } ?? contribution
    }

    fileprivate func clear() {
        first = nil
        second = nil
        all = []
        backward = nil
        gradient = nil
    }
}

extension Interruption {
    /// The calling thread as the handlers of `onAbandonedThread` name it.
    package static var callingThread: UInt64 { kernels_thread_state().pointee.thread }
}

/// What one thread computes inside `valueAndGradient`, in order.
///
/// A tape owns what its nodes keep for the way back, and is registered with its thread: when the thread is abandoned
/// after a trap, the tape is cleared for it. Nested calls write on the same tape, so that the gradients of an inner
/// one can be differentiated by the outer one.
package final class Tape: @unchecked Sendable {
    fileprivate var nodes: [Node] = []
    /// Off on the way back of the outermost call and in `withoutGradient`: nothing then is differentiated again.
    fileprivate(set) var isRecording = true
    /// How many calls of `valueAndGradient` are nested.
    fileprivate(set) var depth = 0
    /// Where the random numbers of a training step come from; `nil` where nothing is trained. Dropout asks for it.
    fileprivate var randomness: RandomGenerator?
    fileprivate var drawCount: UInt64 = 0
    /// Whether what is computed just now was computed before: see `checkpointed`.
    package fileprivate(set) var isRepeating = false
    /// The parameters that were read in the innermost call.
    fileprivate var leaves: [ObjectIdentifier: (parameter: AnyObject, tensor: Tensor)] = [:]

    /// The memory of what was computed, to be given back should the thread be abandoned: its stack still refers to
    /// tensors.
    private var buffers: [WeakBuffer] = []
    private var mostBuffers = 256
    private struct WeakBuffer {
        weak var buffer: Buffer?
    }
    /// The state of the tape's thread, which says whether workers still write for it.
    private let thread = kernels_thread_state()

    private static let open = Mutex<[UInt64: Tape]>([:])
    private static let frees: Void = Interruption.onAbandonedThread { thread in
        Pending.abandon(thread)
        open.withLock { $0.removeValue(forKey: thread) }?.abandon()
    }

    func remember(_ buffer: Buffer) {
        if buffers.count >= mostBuffers {
            buffers.removeAll { $0.buffer == nil }
            mostBuffers = max(256, 2 * buffers.count)
        }
        buffers.append(WeakBuffer(buffer: buffer))
    }

    /// Frees what the tape holds, and what tensors on the stack of its thread hold.
    private func abandon() {
        clear(keepingLeaves: false)
        let abandoned = buffers
        buffers = []
        // A thread that was stopped among its workers may have some that write to what it made.
        guard thread.pointee.jobs == 0 else { return }
        for entry in abandoned { entry.buffer?.discard() }
    }

    /// A stream of random numbers for the next layer that wants one; `nil` unless a model is being trained.
    package func nextRandomness() -> RandomGenerator? {
        drawCount += 1
        return randomness?.split(drawCount)
    }

    /// Whether a model is being trained: batch normalisation then uses the batch's own statistics.
    package var isTraining: Bool { randomness != nil }

    /// The calling thread's tape inside `valueAndGradient`, else `nil`.
    package static var current: Tape? {
        kernels_thread_state().pointee.tape.map { Unmanaged<Tape>.fromOpaque($0).takeUnretainedValue() }
    }

    /// What the calling thread's tape says about a parameter; the first reading puts it there.
    package static func leaf(for parameter: AnyObject, _ value: () -> Tensor) -> Tensor? {
        guard let tape = current else { return nil }
        if let known = tape.leaves[ObjectIdentifier(parameter)] { return known.tensor }
        let tensor = tape.newLeaf(value())
        tape.leaves[ObjectIdentifier(parameter)] = (parameter, tensor)
        return tensor
    }

    fileprivate func newLeaf(_ value: Tensor) -> Tensor {
        // A value that is on the tape already gets a node of its own, which is where the inner call's gradient ends.
        let outer = value.tracked
        return Tensor(handle: value.handle, node: add(outer, nil, outer == nil ? nil : .one { $0 }))
    }

    fileprivate func add(_ first: Node?, _ second: Node?, _ backward: Node.Backward?) -> Node {
        let node = Node(tape: self, index: nodes.count, first, second, backward)
        nodes.append(node)
        return node
    }

    fileprivate func clear(keepingLeaves: Bool) {
        isRecording = false
        for node in nodes { node.clear() }
        nodes = []
        var handles = keepingLeaves ? leaves.values.map(\.tensor.handle) : []
        leaves = [:]
        // Who kept a parameter's value from inside the closure keeps the value that it had there.
        for index in handles.indices where !isKnownUniquelyReferenced(&handles[index]) { handles[index].takeCopy() }
    }

    /// Runs `body` with the calling thread's tape, a new one or, inside another call, that one.
    fileprivate static func record<Result>(_ body: (Tape) throws -> Result) rethrows -> Result {
        let state = kernels_thread_state()
        if let tape = current {
            let leaves = tape.leaves
            tape.leaves = [:]
            tape.depth += 1
            defer {
                tape.leaves = leaves
                tape.depth -= 1
            }
            return try body(tape)
        }
        _ = frees
        let tape = Tape()
        tape.nodes.reserveCapacity(32)
        tape.depth = 1
        let thread = state.pointee.thread
        open.withLock { $0[thread] = tape }
        state.pointee.tape = Unmanaged.passUnretained(tape).toOpaque()
        defer {
            state.pointee.tape = nil
            open.withLock { _ = $0.removeValue(forKey: thread) }
            tape.clear(keepingLeaves: true)
        }
        return try flushingDenormals { try body(tape) }
    }

    /// Sends a gradient of 1 back from `loss` to what was put on the tape since `start`.
    fileprivate func propagate(from loss: Tensor, since start: Int) {
        guard loss.elementCount == 1 else {
            fail("valueAndGradient: the closure returned \(loss.shape), not one number; take its mean or its sum")
        }
        guard let last = loss.tracked, last.index >= start else { return }
        let wasRecording = isRecording
        isRecording = depth > 1
        defer { isRecording = wasRecording }
        last.gradient = Tensor.full(loss.shape, 1, dtype: loss.dtype.computed, on: loss.gpu)
        walkBack(from: last, to: start, since: start)
    }

    /// Hands the gradient that lies at `last` on, through the nodes down to `end`, to those at `start` or later.
    private func walkBack(from last: Node, to end: Int, since start: Int) {
        var index = last.index
        while index >= end {
            let node = nodes[index]
            index -= 1
            guard let backward = node.backward, let gradient = node.gradient else { continue }
            node.gradient = nil
            node.pass(gradient, backward, since: start)
            // Nobody goes this way twice, unless an outer call differentiates this one.
            if depth == 1 { node.clear() }
        }
    }

    /// See `checkpointed`.
    fileprivate func checkpoint(_ x: Tensor, _ function: @escaping (Tensor) -> Tensor) -> Tensor {
        let (start, draws) = (nodes.count, drawCount)
        let result = function(x)
        guard let last = result.tracked, last.index >= start else { return result }
        // A result that was put off would keep what it is to be computed from.
        let handle = Handle(shape: result.shape, dtype: result.dtype, buffer: result.buffer)
        for node in nodes[start...] { node.clear() }
        let backward: Node.Backward = .all { [unowned self] gradient in
            repeated(x, function, gradient, draws)
            return []
        }
        return Tensor(handle: handle, node: add(nil, nil, backward))
    }

    /// Computes a checkpointed function again, with the same random numbers, and goes back through it. What the function
    /// looked at stands on the tape before the checkpoint and gets its gradient directly.
    private func repeated(_ x: Tensor, _ function: (Tensor) -> Tensor, _ gradient: Tensor, _ draws: UInt64) {
        let (start, before) = (nodes.count, (isRecording, isRepeating, drawCount))
        (isRecording, isRepeating, drawCount) = (true, true, draws)
        let last = function(x).tracked
        isRecording = before.0
        if let last, last.index >= start {
            last.gradient = gradient
            walkBack(from: last, to: start, since: 0)
        }
        for node in nodes[start...] { node.clear() }
        nodes.removeLast(nodes.count - start)
        (isRepeating, drawCount) = (before.1, before.2)
    }
}

extension Tensor {
    /// The node, as long as its tape records.
    var tracked: Node? {
        guard let node, node.tape.isRecording else { return nil }
        return node
    }

    /// Whether an operation on this tensor has to say how gradients go back.
    var isTracked: Bool { tracked != nil }

    /// This value with a way back to what it was computed from, if that is on a tape.
    func recorded(_ a: Tensor, _ backward: @escaping (Tensor) -> Tensor?) -> Tensor {
        guard let node = a.tracked else { return self }
        return Tensor(handle: handle, node: node.tape.add(node, nil, .one(backward)))
    }

    func recorded(_ a: Tensor, _ b: Tensor, _ backward: @escaping (Tensor) -> (Tensor?, Tensor?)) -> Tensor {
        let (first, second) = (a.tracked, b.tracked)
        guard let node = first ?? second else { return self }
        return Tensor(handle: handle, node: node.tape.add(first, second, .two(backward)))
    }

    /// The same where the way back needs the result too, which it gets as its second argument.
    func recordedWithResult(_ a: Tensor, _ backward: @escaping (Tensor, Tensor) -> Tensor?) -> Tensor {
        guard let input = a.tracked else { return self }
        return Tensor(handle: handle, node: input.tape.add(input, nil, .result(backward, handle)))
    }

    func recorded(from inputs: [Tensor], _ backward: @escaping (Tensor) -> [Tensor?]) -> Tensor {
        let nodes = inputs.map(\.tracked)
        guard let tape = nodes.lazy.compactMap({ $0 }).first?.tape else { return self }
        let node = tape.add(nil, nil, .all(backward))
        node.all = nodes
        return Tensor(handle: handle, node: node)
    }

    /// Whether the gradients of this value will themselves be differentiated.
    var isTwiceTracked: Bool { (tracked?.tape.depth ?? 0) > 1 }

    /// The same value, of which gradients know nothing.
    public func withoutGradient() -> Tensor { Tensor(handle: handle) }
}

/// Computes without putting anything on the tape: what comes out is a constant to `valueAndGradient`.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard let tape = Tape.current else { return try body() }
    let wasRecording = tape.isRecording
    tape.isRecording = false
    defer { tape.isRecording = wasRecording }
    return try body()
}

/// `function(x)`, of which only the result is kept until gradients go back: what is computed inside is computed again
/// then. Saves memory in deep networks, for about a third more time (Chen et al., 2016).
///
///     let features = checkpointed(images) { relu(conv2(relu(conv1($0)))) }
///
/// Parameters and other tensors that the function looks at get their gradients as usual, and dropout drops the same
/// elements both times. Where gradients are differentiated again, everything is kept.
public func checkpointed(_ x: Tensor, _ function: @escaping (Tensor) -> Tensor) -> Tensor {
    guard let tape = Tape.current, tape.isRecording, tape.depth == 1 else { return function(x) }
    return tape.checkpoint(x, function)
}

/// The value of a function at a tensor, and its gradient there.
///
///     let (loss, gradient) = valueAndGradient(at: w) { (matmul(x, $0) - y).squared().mean() }
///
/// The closure returns one number. Tensors that it hands out otherwise are constants afterwards. Calls can be nested
/// for higher derivatives.
public func valueAndGradient(
    at tensor: Tensor, _ function: (Tensor) throws -> Tensor
) rethrows -> (value: Tensor, gradient: Tensor) {
    let (value, gradients) = try valueAndGradient(at: [tensor]) { try function($0[0]) }
    return (value, gradients[0])
}

/// The value of a function of two tensors, and its gradients.
public func valueAndGradient(
    at a: Tensor, _ b: Tensor, _ function: (Tensor, Tensor) throws -> Tensor
) rethrows -> (value: Tensor, gradients: (Tensor, Tensor)) {
    let (value, gradients) = try valueAndGradient(at: [a, b]) { try function($0[0], $0[1]) }
    return (value, (gradients[0], gradients[1]))
}

/// The value of a function of several tensors, and its gradients in the same order.
public func valueAndGradient(
    at tensors: [Tensor], _ function: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, gradients: [Tensor]) {
    for tensor in tensors where !tensor.dtype.isFloatingPoint {
        fail("valueAndGradient: a tensor of \(tensor.dtype) has no gradient; convert it to float32")
    }
    return try Tape.record { tape in
        let start = tape.nodes.count
        let leaves = tensors.map { tape.newLeaf($0) }
        // The inner leaves are where this call's gradients end, so they must not pass them on.
        let value = try function(leaves)
        let ends = leaves.map { tape.hold($0) }
        tape.propagate(from: value, since: start)
        let gradients = zip(leaves, ends).map { leaf, end in
            tape.release(leaf, end) ?? Tensor.zeros(leaf.shape, dtype: leaf.dtype.computed, on: leaf.gpu)
        }
        return (tape.left(value), gradients.map { tape.left($0) })
    }
}

/// The value of a function of parameters, and the gradient of each that it read.
///
/// For models: `valueAndGradient(of:)` in NeuralNetworks is written with it.
package func valueAndGradients(
    randomness: RandomGenerator, ofParametersReadIn function: () throws -> Tensor
) rethrows -> (value: Tensor, gradients: [(parameter: AnyObject, gradient: Tensor)]) {
    try Tape.record { tape in
        let start = tape.nodes.count
        (tape.randomness, tape.drawCount) = (randomness, 0)
        let value = try function()
        let leaves = tape.leaves.values.sorted { $0.tensor.node!.index < $1.tensor.node!.index }
        let ends = leaves.map { tape.hold($0.tensor) }
        tape.propagate(from: value, since: start)
        var gradients: [(parameter: AnyObject, gradient: Tensor)] = []
        for (leaf, end) in zip(leaves, ends) {
            let gradient =
                tape.release(leaf.tensor, end)
                ?? Tensor.zeros(leaf.tensor.shape, dtype: leaf.tensor.dtype.computed, on: leaf.tensor.gpu)
            gradients.append((leaf.parameter, tape.left(gradient)))
        }
        return (tape.left(value), gradients)
    }
}

extension Tape {
    /// Makes a leaf the end of the way while this call's gradients go back.
    fileprivate func hold(_ leaf: Tensor) -> Node.Backward? {
        let backward = leaf.node?.backward
        leaf.node?.backward = nil
        return backward
    }

    /// Takes the gradient that arrived, and lets an outer call pass through again.
    fileprivate func release(_ leaf: Tensor, _ backward: Node.Backward?) -> Tensor? {
        let gradient = leaf.node?.gradient
        leaf.node?.gradient = nil
        leaf.node?.backward = backward
        // In a product with a tensor of another type it arrived in that one's.
        guard let gradient = gradient?.converted(to: leaf.dtype.computed) else { return nil }
        // In a product with a tensor of a GPU it arrived there.
        return gradient.isOnGPU == leaf.isOnGPU ? gradient : gradient.to(leaf.device)
    }

    /// A result of the call: a constant, or on the tape of the outer call.
    fileprivate func left(_ tensor: Tensor) -> Tensor { depth > 1 ? tensor : tensor.withoutGradient() }
}
