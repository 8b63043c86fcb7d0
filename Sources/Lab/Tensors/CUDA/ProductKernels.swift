internal import CCUDA
internal import Synchronization

/// Products of matrices on one GPU, by cuBLAS.
///
/// cuBLAS counts column by column: what is row by row here is the transpose there, so c = a · b is asked for as
/// c' = b' · a'.
final class DeviceProducts: @unchecked Sendable {
    private let device: CUDADevice
    private let workspace: DeviceMemory.Piece
    private let state = Mutex(State())
    private struct State {
        var handle: LabBlas?
        var stream: LabStream?
    }
    /// What NVIDIA recommends for the newest cards. Our own, because cuBLAS' has no fixed place in a captured step, and
    /// because results depend on its size.
    private static let workspaceBytes = 32 << 20

    init(_ device: CUDADevice, _ memory: DeviceMemory) throws {
        self.device = device
        workspace = try memory.allocate(Self.workspaceBytes, for: "cuBLAS")
    }

    /// Equal products one after the other: matrix i of an operand begins i steps behind its address. With a step of 0 all
    /// use the same one.
    struct Batch {
        var rows, columns, inner: Int
        var left: LabAddress, leftColumns: Int, leftStep: Int, transposesLeft: Bool
        var right: LabAddress, rightColumns: Int, rightStep: Int, transposesRight: Bool
        var result: LabAddress
        var count: Int
        /// How far apart the result's rows and matrices begin; `nil` where they follow each other.
        var resultColumns: Int?, resultStep: Int?
        /// Whether the products are added to what is there.
        var adds = false
    }

    func run(_ batch: Batch, _ dtype: DType) throws {
        let precision = ProductPrecision.current
        guard batch.rows > 0, batch.columns > 0, batch.count > 0 else { return }
        device.makeCurrent()
        try state.withLock { state in
            // All 24 bits of a float count in cuBLAS' own mode.
            if state.handle == nil { try Self.check(lab_cublasCreate_v2(&state.handle), "starting cuBLAS") }
            let handle = state.handle
            if state.stream != device.stream {
                try Self.check(lab_cublasSetStream_v2(handle, device.stream), "starting cuBLAS")
                // To set the stream takes the workspace away.
                try Self.check(
                    lab_cublasSetWorkspace_v2(
                        handle, UnsafeMutableRawPointer(bitPattern: UInt(workspace.address)), workspace.byteCount),
                    "starting cuBLAS")
                state.stream = device.stream
            }
            let shapes = (
                Int32(batch.transposesRight ? LAB_BLAS_TRANSPOSED : LAB_BLAS_PLAIN),
                Int32(batch.transposesLeft ? LAB_BLAS_TRANSPOSED : LAB_BLAS_PLAIN)
            )
            let (m, n, k) = (Int32(batch.columns), Int32(batch.rows), Int32(batch.inner))
            // A matrix without columns has a stride all the same.
            let (a, b) = (Int32(max(batch.rightColumns, 1)), Int32(max(batch.leftColumns, 1)))
            let c = Int32(batch.resultColumns ?? batch.columns)
            let steps = (
                Int64(batch.rightStep), Int64(batch.leftStep), Int64(batch.resultStep ?? batch.rows * batch.columns)
            )
            func pointer<Scalar>(_ address: LabAddress, _: Scalar.Type) -> UnsafeMutablePointer<Scalar>? {
                UnsafeMutablePointer(bitPattern: UInt(address))
            }
            if dtype == .float64 {
                var (one, kept) = (1.0, batch.adds ? 1.0 : 0)
                try Self.check(
                    lab_cublasDgemmStridedBatched(
                        handle, shapes.0, shapes.1, m, n, k, &one, pointer(batch.right, Double.self), a, steps.0,
                        pointer(batch.left, Double.self), b, steps.1, &kept, pointer(batch.result, Double.self), c,
                        steps.2, Int32(batch.count)), "multiplying matrices")
            } else {
                var (one, kept): (Float, Float) = (1, batch.adds ? 1 : 0)
                if precision != .float32 {
                    func place(_ address: LabAddress) -> UnsafeMutableRawPointer? {
                        UnsafeMutableRawPointer(bitPattern: UInt(address))
                    }
                    // cuBLAS rounds the factors itself, on their way to the tensor cores.
                    try Self.check(
                        lab_cublasGemmStridedBatchedEx(
                            handle, shapes.0, shapes.1, m, n, k, &one, place(batch.right), Int32(LAB_BLAS_FLOAT32), a,
                            steps.0, place(batch.left), Int32(LAB_BLAS_FLOAT32), b, steps.1, &kept,
                            place(batch.result), Int32(LAB_BLAS_FLOAT32), c, steps.2, Int32(batch.count),
                            Int32(precision == .tf32 ? LAB_BLAS_BY_TF32 : LAB_BLAS_BY_BFLOAT16),
                            Int32(LAB_BLAS_ANY_ALGORITHM)), "multiplying matrices by \(precision)")
                    return
                }
                try Self.check(
                    lab_cublasSgemmStridedBatched(
                        handle, shapes.0, shapes.1, m, n, k, &one, pointer(batch.right, Float.self), a, steps.0,
                        pointer(batch.left, Float.self), b, steps.1, &kept, pointer(batch.result, Float.self), c,
                        steps.2, Int32(batch.count)), "multiplying matrices")
            }
        }
    }

    /// cuBLAS has numbers of its own.
    private static func check(_ result: Int32, _ action: String) throws {
        guard result != 0 else { return }
        throw CUDAError(
            action,
            reason: result == LAB_FUNCTION_MISSING
                ? CUDAError.description(of: result) : "cuBLAS gave \(result)")
    }
}

/// The products of two operands' last two axes, which `plan` pairs: what `product` has checked and shaped.
func productOnGPU(
    _ a: Tensor, _ b: Tensor, transposeLeft: Bool, transposeRight: Bool, _ shape: Shape, _ plan: BroadcastPlan
) -> Tensor {
    let (a, b, gpu) = Tensor.together(a, b)
    let dtype = a.dtype
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let (aSize, bSize) = (a.shape.suffix(2).reduce(1, *), b.shape.suffix(2).reduce(1, *))
    let inner = transposeLeft ? a.shape[a.rank - 2] : a.shape[a.rank - 1]
    // A sum of nothing is 0, and nothing is what cuBLAS would read from.
    if inner == 0 { return .zeros(shape, dtype: dtype, on: gpu) }
    let result = gpu.tensor(shape, dtype, for: "matmul")
    gpu.doing("matmul") {
        for run in 0..<plan.outerCount {
            let start = plan.offsets(run)
            try gpu.products.run(
                DeviceProducts.Batch(
                    rows: rows, columns: columns, inner: inner,
                    left: DevicePlace(a.buffer, start.left * aSize * dtype.byteCount).address,
                    leftColumns: a.shape[a.rank - 1], leftStep: plan.leftStep * aSize, transposesLeft: transposeLeft,
                    right: DevicePlace(b.buffer, start.right * bSize * dtype.byteCount).address,
                    rightColumns: b.shape[b.rank - 1], rightStep: plan.rightStep * bSize,
                    transposesRight: transposeRight,
                    result: DevicePlace(result.buffer, run * plan.inner * rows * columns * dtype.byteCount).address,
                    count: plan.inner),
                dtype)
        }
    }
    return result
}
