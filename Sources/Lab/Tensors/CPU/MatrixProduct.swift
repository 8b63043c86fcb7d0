internal import COpenBLAS

/// One product of matrices in memory: result = left · right (+ bias), each operand perhaps meant transposed.
///
/// OpenBLAS computes it, always on one thread: on several its bits depend on their number. The result is cut into tiles
/// that depend on the sizes alone, and the tiles are shared out.
struct MatrixProduct {
    var rows: Int
    var columns: Int
    var inner: Int
    var left: UnsafePointer<Float>
    var leftStride: Int
    var transposeLeft: Bool
    var right: UnsafePointer<Float>
    var rightStride: Int
    var transposeRight: Bool
    var result: UnsafeMutablePointer<Float>
    var resultStride: Int
    /// Added to every row of the result.
    var columnBias: UnsafePointer<Float>?
    /// Added to every column of the result.
    var rowBias: UnsafePointer<Float>?
    /// Whether to add to what the result holds.
    var accumulates = false

    private static let prepared: Void = openblas_set_num_threads(1)

    /// On the calling thread alone.
    func run() {
        _ = Self.prepared
        guard rows > 0, columns > 0 else { return }
        var beta: Float = accumulates ? 1 : 0
        if let columnBias {
            for row in 0..<rows { (result + row * resultStride).update(from: columnBias, count: columns) }
            beta = 1
        } else if let rowBias {
            for row in 0..<rows { (result + row * resultStride).update(repeating: rowBias[row], count: columns) }
            beta = 1
        }
        guard inner > 0 else {
            if beta == 0 { for row in 0..<rows { (result + row * resultStride).update(repeating: 0, count: columns) } }
            return
        }
        cblas_sgemm(
            CblasRowMajor, transposeLeft ? CblasTrans : CblasNoTrans, transposeRight ? CblasTrans : CblasNoTrans,
            blasint(rows), blasint(columns), blasint(inner), 1, left, blasint(leftStride), right, blasint(rightStride),
            beta, result, blasint(resultStride))
    }

    /// Cut along the longer side of the result into tiles of about 6 million multiply-adds.
    func runInTiles() {
        let work = rows * columns * inner
        let side = max(rows, columns)
        let wanted = min(work / 3_000_000, side / 32, 16)
        guard wanted >= 2 else { return run() }
        let tiles = wanted.nextPowerOf2
        let size = ((side + tiles - 1) / tiles + 15) / 16 * 16
        parallel((side + size - 1) / size) { tile in
            let from = tile * size
            let count = min(size, side - from)
            var part = self
            if columns >= rows {
                part.columns = count
                part.right = right + from * (transposeRight ? rightStride : 1)
                part.result = result + from
                part.columnBias = columnBias.map { $0 + from }
            } else {
                part.rows = count
                part.left = left + from * (transposeLeft ? 1 : leftStride)
                part.result = result + from * resultStride
                part.rowBias = rowBias.map { $0 + from }
            }
            part.run()
        }
    }
}

extension Int {
    fileprivate var nextPowerOf2: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

/// The same with plain loops, for any type: what gradient checks in `float64` use, and what the fast way is held against.
func multiplyPlainly<Scalar: FloatingPoint>(
    _ left: UnsafePointer<Scalar>, _ transposeLeft: Bool, _ right: UnsafePointer<Scalar>, _ transposeRight: Bool,
    _ result: UnsafeMutablePointer<Scalar>, _ rows: Int, _ columns: Int, _ inner: Int
) {
    for i in 0..<rows {
        for j in 0..<columns { result[i * columns + j] = 0 }
        for k in 0..<inner {
            let a = transposeLeft ? left[k * rows + i] : left[i * inner + k]
            for j in 0..<columns {
                result[i * columns + j] += a * (transposeRight ? right[j * inner + k] : right[k * columns + j])
            }
        }
    }
}
