import Synchronization

private let chosen = Atomic<Int>(-1)

/// How many bytes of printed text a cell shows, and how many of pictures and other displays. Of what comes beyond only the
/// end is shown, and how much is left out before it. 10 MB unless it is set, and 1 MB in a browser:
///
///     outputLimit = 100_000_000
public var outputLimit: Int {
    get { chosenOutputLimit ?? 10_000_000 }
    set { chosen.store(max(0, newValue), ordering: .relaxed) }
}

/// `nil` until somebody sets it.
package var chosenOutputLimit: Int? {
    let limit = chosen.load(ordering: .relaxed)
    return limit < 0 ? nil : limit
}
