extension Tensor {
    /// The same numbers as another type. To whole numbers, fractions are cut off, numbers beyond the range go to its end,
    /// and NaN becomes 0; as `bool` everything but 0 is true.
    ///
    /// Gradients pass between floating-point types. Those of `bfloat16` values are `float32`.
    public func converted(to dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let result = convertedCopy(to: dtype)
        guard dtype.isFloatingPoint else { return result }
        return result.recorded(self) { [computed = self.dtype.computed] in $0.converted(to: computed) }
    }

    private func convertedCopy(to dtype: DType) -> Tensor {
        if isShapeOnly { return Tensor(shapeOnly: shape, dtype) }
        if isOnGPU { return convertedOnGPU(to: dtype) }
        let result = Tensor(uninitialized: shape, dtype)
        let count = elementCount
        if self.dtype == .uint8, dtype == .float32 {
            let source = pointer(UInt8.self)
            let target = result.floats
            for i in 0..<count { target[i] = Float(source[i]) }
            return result
        }
        let values = doubles
        func clamped(_ value: Double, _ bounds: ClosedRange<Double>) -> Double {
            value.isNaN ? 0 : min(max(value, bounds.lowerBound), bounds.upperBound)
        }
        switch dtype {
        case .float32: for i in 0..<count { result.pointer(Float.self)[i] = Float(values[i]) }
        case .float64: for i in 0..<count { result.pointer(Double.self)[i] = values[i] }
        case .int32:
            for i in 0..<count { result.pointer(Int32.self)[i] = Int32(clamped(values[i], -0x1p31...(0x1p31 - 1))) }
        case .uint8: for i in 0..<count { result.pointer(UInt8.self)[i] = UInt8(clamped(values[i], 0...255)) }
        case .bool: for i in 0..<count { result.pointer(UInt8.self)[i] = values[i] == 0 ? 0 : 1 }
        case .bfloat16: for i in 0..<count { result.pointer(UInt16.self)[i] = bfloat16(Float(values[i])) }
        }
        return result
    }
}
