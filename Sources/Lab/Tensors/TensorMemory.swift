public import Display

extension Tensor: MemorySized {
    /// The bytes of the elements, also where they are still to be computed.
    public var memorySize: Int { elementCount * dtype.byteCount }
}
