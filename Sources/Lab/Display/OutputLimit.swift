import Synchronization

private let limit = Atomic<Int>(10_000_000)

/// How many bytes of printed text a cell shows. Of what comes beyond only the end is shown, and how much is left out
/// before it. 10 MB unless it is set:
///
///     outputLimit = 100_000_000
public var outputLimit: Int {
    get { limit.load(ordering: .relaxed) }
    set { limit.store(max(0, newValue), ordering: .relaxed) }
}
