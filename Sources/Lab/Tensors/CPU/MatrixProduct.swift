internal import CKernels
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

    /// Columns that our own kernel computes at a time.
    private static let panelWidth = 64

    private static let prepared: Void = openblas_set_num_threads(1)

    /// On the calling thread alone.
    func run() {
        _ = Self.prepared
        guard rows > 0, columns > 0 else { return }
        if rows <= 2, transposeRight, !transposeLeft, !accumulates, rowBias == nil {
            for row in 0..<rows {
                kernels_table().pointee.multiplyVector(
                    right, Int64(rightStride), Int64(columns), Int64(inner), left + row * leftStride, columnBias,
                    result + row * resultStride)
            }
            return
        }
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
        if suitsOwnKernel {
            kernels_table().pointee.multiply(
                left, Int64(transposeLeft ? 1 : leftStride), Int64(transposeLeft ? leftStride : 1), right,
                Int64(rightStride), result, Int64(resultStride), Int64(rows), Int64(columns), Int64(inner),
                beta == 1 ? 1 : 0)
            return
        }
        cblas_sgemm(
            CblasRowMajor, transposeLeft ? CblasTrans : CblasNoTrans, transposeRight ? CblasTrans : CblasNoTrans,
            blasint(rows), blasint(columns), blasint(inner), 1, left, blasint(leftStride), right, blasint(rightStride),
            beta, result, blasint(resultStride))
    }

    /// Whether our own kernel is the faster one. It reads the right operand where it lies, without OpenBLAS' copies:
    /// 115 to 142 GFLOP/s against 104 to 115 in the sizes of LeNet, but 67 against 123 in large ones, where the copies
    /// pay.
    private var suitsOwnKernel: Bool {
        !transposeRight && (rows >= 8 || rows == 1) && columns >= 16 && columns * inner <= 600_000
            && rightStride % 512 != 0
            && kernels_table().pointee.multipliesFast != 0
    }

    /// result = left · rightᵀ as the transpose of right · leftᵀ, which is small: `nil` where that does not pay.
    private func runTransposed() -> Bool {
        let table = kernels_table()
        guard transposeRight, !transposeLeft, rows >= 16, columns >= 8, rows * inner <= 600_000, rows % 512 != 0,
            !accumulates, rowBias == nil, table.pointee.multipliesFast != 0
        else { return false }
        let turned = Buffer(byteCount: inner * rows * 4)
        table.pointee.transpose(left, Int64(rows), Int64(inner), Int64(leftStride), turned.pointer(), Int64(rows))
        let tiles = min(max(rows * columns * inner / 1_500_000, 1), 32).nextPowerOf2
        let size = ((columns + tiles - 1) / tiles + 5) / 6 * 6
        parallel((columns + size - 1) / size) { tile in
            let from = tile * size
            let count = min(size, columns - from)
            let part = kernels_scratch(5, count * rows)
            if let columnBias {
                for i in 0..<count { (part + i * rows).update(repeating: columnBias[from + i], count: rows) }
            }
            table.pointee.multiply(
                right + from * rightStride, Int64(rightStride), 1, turned.pointer(), Int64(rows), part, Int64(rows),
                Int64(count), Int64(rows), Int64(inner), columnBias == nil ? 0 : 1)
            table.pointee.transpose(
                part, Int64(count), Int64(rows), Int64(rows), result + from, Int64(resultStride))
        }
        return true
    }

    /// Cut along the longer side of the result into tiles of 1.5 to 3 million multiply-adds (more where 16 tiles are too few),
    /// of half as many where our own kernel computes them.
    func runInTiles() {
        if runTransposed() { return }
        let work = rows * columns * inner
        let side = max(rows, columns)
        let wanted = min(work / 3_000_000, side / 32, 16)
        guard wanted >= 2 else { return run() }
        let tiles = wanted.nextPowerOf2
        var size = ((side + tiles - 1) / tiles + 15) / 16 * 16
        if columns >= rows, size > Self.panelWidth {
            var first = self
            first.columns = size
            // Whole panels, and twice as many tiles: 800 columns in seven times 112 and a rest left one of two threads
            // without work for a tenth of the time. The bits of our own kernel do not depend on where columns are cut.
            if first.suitsOwnKernel { size = max(size / 2 / Self.panelWidth, 1) * Self.panelWidth }
        }
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
