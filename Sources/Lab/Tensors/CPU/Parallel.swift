internal import CKernels

/// Runs `body` for every tile, on several threads. Tiles must depend on the shapes alone, never on the number of
/// threads: then the results do not either.
func parallel(_ tiles: Int, _ body: (Int) -> Void) {
    if tiles == 1 { return body(0) }
    withoutActuallyEscaping(body) { body in
        var body = body
        withUnsafeMutablePointer(to: &body) { pointer in
            kernels_parallel(Int64(tiles), pointer) { context, tile in
                context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(tile))
            }
        }
    }
}

/// Cuts 0 ..< `count` into equal tiles of at least `grain` and runs `body` for each.
package func parallel(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    guard count > grain else { return body(0..<count) }
    let tiles = min((count + grain - 1) / grain, 64)
    // Multiples of 16 elements, so that two threads never write to the same line of memory.
    let size = ((count + tiles - 1) / tiles + 15) / 16 * 16
    parallel((count + size - 1) / size) { tile in body(tile * size..<min((tile + 1) * size, count)) }
}

/// Lets denormals count as 0, as `parallel` does on its threads: numbers below 1e-38 would make the small operations of a
/// training step, which run on the calling thread, 40 times slower.
func flushingDenormals<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = kernels_flush_denormals()
    defer { kernels_restore_denormals(before) }
    return try body()
}

/// How many threads compute; the results do not depend on it.
package var threadCount: Int {
    get { Int(kernels_thread_count()) }
    set { kernels_set_thread_count(Int32(newValue)) }
}

/// Numbers of bytes, as a network takes those of images: byte · scale + offset.
package func scaleBytes(
    _ bytes: UnsafePointer<UInt8>, count: Int, by scale: Float, offset: Float, into target: UnsafeMutablePointer<Float>
) {
    kernels_table().pointee.scaleBytes(bytes, Int64(count), scale, offset, target)
}
