import Display

/// A folder of its own for a test, removed afterwards.
func inFolder(_ body: (String) throws -> Void) throws {
    let folder = "/tmp/swift-lab-datasets-\(UInt32.random(in: 0...UInt32.max))"
    try makeFolder(folder)
    defer { removeFolder(folder) }
    try body(folder)
}
