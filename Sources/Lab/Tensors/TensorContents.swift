extension Tensor {
    /// A copy of the elements as `Float`, in row-major order.
    public var scalars: [Float] { elements() }
    /// A copy of the elements as `Double`.
    public var doubles: [Double] { elements() }

    /// A copy of the elements as `Int32`, converted as `converted(to: .int32)` does it.
    public var int32s: [Int32] { converted(to: .int32).copy() }

    /// A copy of the elements as bytes; of a `uint8` or `bool` tensor.
    public var bytes: [UInt8] {
        guard dtype == .uint8 || dtype == .bool else {
            fail("bytes: the tensor is of \(dtype), not uint8")
        }
        return copy()
    }

    /// The only element of a tensor that has one.
    public var item: Float {
        guard elementCount == 1 else { fail("item: \(shape) has \(elementCount) elements, not one") }
        guard dtype == .float32, !isOnGPU else { return scalars[0] }
        return withExtendedLifetime(buffer) { $0.pointer(Float.self)[0] }
    }

    /// The elements where the processor reads them; from a GPU they are copied, which waits for all that they depend on.
    var readable: Buffer { isOnGPU ? onProcessor().buffer : buffer }

    private func copy<Scalar>() -> [Scalar] {
        withExtendedLifetime(readable) { Array(UnsafeBufferPointer(start: $0.pointer(), count: elementCount)) }
    }

    private func elements<Scalar: BinaryFloatingPoint>() -> [Scalar] {
        let contents = readable
        return withExtendedLifetime(contents) {
            [Scalar](unsafeUninitializedCapacity: elementCount) { result, count in
                count = elementCount
                guard let target = result.baseAddress else { return }
                switch dtype {
                case .float32: convert(contents.pointer(Float.self), target, count)
                case .float64: convert(contents.pointer(Double.self), target, count)
                case .int32: for i in 0..<count { target[i] = Scalar(contents.pointer(Int32.self)[i]) }
                case .uint8, .bool: for i in 0..<count { target[i] = Scalar(contents.pointer(UInt8.self)[i]) }
                case .bfloat16:
                    for i in 0..<count { target[i] = Scalar(float(fromBfloat16: contents.pointer(UInt16.self)[i])) }
                }
            }
        }
    }

    private func convert<From: BinaryFloatingPoint, To: BinaryFloatingPoint>(
        _ source: UnsafePointer<From>, _ target: UnsafeMutablePointer<To>, _ count: Int
    ) {
        if From.self == To.self {
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * MemoryLayout<To>.stride)
        } else {
            for i in 0..<count { target[i] = To(source[i]) }
        }
    }
}
