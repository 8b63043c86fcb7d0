/// What knows how much memory its content takes: `%who` shows it.
public protocol MemorySized {
    /// In bytes.
    var memorySize: Int { get }
}
