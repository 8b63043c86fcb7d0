public import Display

extension Parameter: MemorySized {
    /// The bytes of the elements; 0 as long as their number is not known.
    public var memorySize: Int { storage == nil ? 0 : wrappedValue.memorySize }
}
