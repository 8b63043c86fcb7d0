/// An array of numbers with any number of axes: images, weights, losses.
///
///     let a = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
///     a.sum(axis: 1)                                    // → [6, 15]
///     (a * 2 + 1).scalars                               // → [3, 5, 7, 9, 11, 13]
///
/// A tensor is a value: nothing that is done later changes it. Assigning one copies a reference, not its elements, and
/// `reshaped` shares them too. Elements lie in row-major order. Every operation returns a tensor of its own.
public struct Tensor: Sendable {
    var handle: Handle
    /// Where this value stands on a gradient tape; `nil` for a constant.
    var node: Node?

    init(handle: Handle, node: Node? = nil) {
        self.handle = handle
        self.node = node
    }

    /// A tensor whose elements the caller writes before anyone else sees it.
    init(uninitialized shape: Shape, _ dtype: DType = .float32) {
        handle = Handle(shape: shape, dtype: dtype, buffer: Buffer(byteCount: shape.elementCount * dtype.byteCount))
        node = nil
    }

    /// A `float32` tensor that another module of the library fills: without the copy that an array would cost.
    package init(_ shape: Shape, filledBy fill: (UnsafeMutablePointer<Float>) -> Void) {
        self.init(uninitialized: shape)
        fill(buffer.pointer(Float.self))
    }

    /// The sizes of the axes.
    public var shape: Shape { handle.shape }
    /// The type of the elements.
    public var dtype: DType { handle.dtype }
    /// The number of axes.
    public var rank: Int { handle.shape.rank }
    /// The number of elements.
    public var elementCount: Int { handle.shape.elementCount }

    /// The memory of the elements, computed now if they were not yet.
    var buffer: Buffer { handle.contents }
    func pointer<Scalar>(
        _ type: Scalar.Type = Scalar.self, for operation: StaticString = #function
    ) -> UnsafeMutablePointer<Scalar> {
        buffer.pointer(type, for: operation)
    }
    var floats: UnsafeMutablePointer<Float> { buffer.pointer(for: "this operation") }
    /// Whether this tensor has a shape but no elements: what a pass over the shapes alone computes with.
    package var isShapeOnly: Bool { handle.isShapeOnly }
}

/// The immutable thing behind tensors: a shape, a type and the memory.
final class Handle: @unchecked Sendable {
    let shape: Shape
    let dtype: DType
    private var buffer: Buffer?
    /// How to compute the elements, where that was put off.
    let pending: Pending?
    /// Whether the elements lie on a GPU, or will.
    let isOnGPU: Bool

    init(shape: Shape, dtype: DType, buffer: Buffer?, pending: Pending? = nil) {
        self.shape = shape
        self.dtype = dtype
        self.buffer = buffer
        self.pending = pending
        isOnGPU = buffer.map { $0.gpu != nil } ?? pending?.isOnGPU ?? false
    }

    var isShapeOnly: Bool { buffer == nil && pending == nil }

    /// Moves the elements to memory of their own: they were a parameter's, which is about to change.
    func takeCopy() {
        guard let shared = buffer else { return }
        buffer = shared.copy(shared.byteCount)
    }

    /// Whether no other tensor, parameter or tape looks at the elements. Asked of a handle that is itself the only one.
    var hasElementsOfItsOwn: Bool { pending == nil && isKnownUniquelyReferenced(&buffer) }

    /// The same elements in memory of their own.
    func copy() -> Handle {
        Handle(shape: shape, dtype: dtype, buffer: contents.copy(shape.elementCount * dtype.byteCount))
    }

    var contents: Buffer {
        if let buffer { return checked(buffer) }
        guard let pending else {
            fatalError("Tensor: this tensor of shape \(shape) has no elements; only its shape is being worked out")
        }
        return checked(pending.contents)
    }

    private func checked(_ buffer: Buffer) -> Buffer {
        guard !buffer.isDiscarded else {
            fatalError(
                "Tensor: the elements of this tensor of shape \(shape) are gone; they belonged to a computation that failed"
            )
        }
        return buffer
    }
}

extension Tensor {
    /// The given elements in row-major order; a vector where no shape is given.
    public init(_ scalars: [Float], shape: Shape? = nil) { self.init(copying: scalars, shape: shape, .float32) }

    /// A `float64` tensor.
    @_disfavoredOverload
    public init(_ scalars: [Double], shape: Shape? = nil) { self.init(copying: scalars, shape: shape, .float64) }

    /// An `int32` tensor: labels, indices.
    @_disfavoredOverload
    public init(_ scalars: [Int32], shape: Shape? = nil) { self.init(copying: scalars, shape: shape, .int32) }

    /// A `uint8` tensor: pixels.
    public init(bytes: [UInt8], shape: Shape? = nil) { self.init(copying: bytes, shape: shape, .uint8) }

    /// A `bool` tensor: a mask.
    @_disfavoredOverload
    public init(_ scalars: [Bool], shape: Shape? = nil) { self.init(copying: scalars, shape: shape, .bool) }

    /// A matrix, given row by row.
    public init(_ rows: [[Float]]) {
        let width = rows.first?.count ?? 0
        guard rows.allSatisfy({ $0.count == width }) else {
            fail("Tensor: the rows have different lengths, \(rows.map(\.count))")
        }
        self.init(Array(rows.joined()), shape: [rows.count, width])
    }

    /// A scalar.
    public init(_ scalar: Double, dtype: DType = .float32) { self = Tensor.full([], scalar, dtype: dtype) }

    private init<Scalar>(copying scalars: [Scalar], shape: Shape?, _ dtype: DType) {
        let shape = shape ?? [scalars.count]
        guard shape.elementCount == scalars.count else {
            fail("Tensor: \(scalars.count) elements do not fill the shape \(shape) (\(shape.elementCount))")
        }
        self.init(uninitialized: shape, dtype)
        scalars.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            buffer.address.copyMemory(from: base, byteCount: source.count)
        }
        if let gpu = GPU.current { self = on(gpu) }
    }

    /// Whole numbers on the processor, wherever new tensors are made.
    init(positions: [Int32], shape: Shape) {
        self.init(uninitialized: shape, .int32)
        positions.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            buffer.address.copyMemory(from: base, byteCount: source.count)
        }
    }

    /// All elements 0.
    public static func zeros(_ shape: Shape, dtype: DType = .float32) -> Tensor {
        zeros(shape, dtype: dtype, on: GPU.current)
    }

    /// The same on a GPU, or with `nil` on the processor.
    static func zeros(_ shape: Shape, dtype: DType = .float32, on gpu: GPU?) -> Tensor {
        if let gpu {
            let result = gpu.tensor(shape, dtype, for: "zeros")
            gpu.clear(result.buffer, for: "zeros")
            return result
        }
        let result = Tensor(uninitialized: shape, dtype)
        result.buffer.address.initializeMemory(
            as: UInt8.self, repeating: 0, count: shape.elementCount * dtype.byteCount)
        return result
    }

    /// All elements 1.
    public static func ones(_ shape: Shape, dtype: DType = .float32) -> Tensor { full(shape, 1, dtype: dtype) }

    /// All elements the same.
    public static func full(_ shape: Shape, _ value: Double, dtype: DType = .float32) -> Tensor {
        let range = dtype == .int32 ? -0x1p31...(0x1p31 - 1) : dtype == .uint8 ? 0...255 : nil
        if let range, !range.contains(value) { fail("full: \(value) is not a value of \(dtype)") }
        return full(shape, value, dtype: dtype, on: GPU.current)
    }

    /// The same on a GPU, or with `nil` on the processor.
    static func full(_ shape: Shape, _ value: Double, dtype: DType, on gpu: GPU?) -> Tensor {
        if let gpu { return gpu.full(shape, value, dtype) }
        let result = Tensor(uninitialized: shape, dtype)
        let count = shape.elementCount
        switch dtype {
        case .float32: result.pointer(Float.self).update(repeating: Float(value), count: count)
        case .float64: result.pointer(Double.self).update(repeating: value, count: count)
        case .int32: result.pointer(Int32.self).update(repeating: Int32(value), count: count)
        case .uint8: result.pointer(UInt8.self).update(repeating: UInt8(value), count: count)
        case .bool: result.pointer(UInt8.self).update(repeating: value == 0 ? 0 : 1, count: count)
        case .bfloat16: result.pointer(UInt16.self).update(repeating: bfloat16(Float(value)), count: count)
        }
        return result
    }

    /// 0, 1, 2, … `count` - 1.
    public static func range(_ count: Int, dtype: DType = .float32) -> Tensor {
        sequence(count, dtype) { Double($0) }
    }

    /// `count` numbers at equal distances, both bounds included: `x` for a plot.
    public static func linear(_ bounds: ClosedRange<Double>, count: Int, dtype: DType = .float32) -> Tensor {
        let (low, high) = (bounds.lowerBound, bounds.upperBound)
        return sequence(count, dtype) {
            count == 1 ? low : $0 == count - 1 ? high : low + (high - low) * Double($0) / Double(count - 1)
        }
    }

    /// The matrix with 1 on its diagonal and 0 elsewhere.
    public static func identity(_ size: Int, dtype: DType = .float32) -> Tensor {
        range(size, dtype: .int32).oneHot(classes: size, dtype: dtype)
    }

    private static func sequence(_ count: Int, _ dtype: DType, _ element: (Int) -> Double) -> Tensor {
        let result = Tensor(uninitialized: [count], .float64)
        let elements = result.pointer(Double.self)
        for index in 0..<count { elements[index] = element(index) }
        let converted = result.converted(to: dtype)
        return GPU.current.map { converted.on($0) } ?? converted
    }
}
