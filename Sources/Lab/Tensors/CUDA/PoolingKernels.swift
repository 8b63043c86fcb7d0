internal import CCUDA

/// Pooling by the kernels of pooling.cu; `x` and gradients are floating-point tensors of one GPU.
enum PoolingKernels {
    /// The largest of each window, and where each was, counted within its plane.
    static func largest(_ x: Tensor, _ sizes: PoolingSizes) -> (result: Tensor, positions: Buffer) {
        let gpu = x.gpu!
        let result = gpu.tensor(sizes.output, x.dtype, for: "maxPool")
        let positions = gpu.buffer(sizes.output.elementCount * 4, for: "maxPool")
        gpu.launch(
            "maxPool", "pooling", "max_pool_\(x.dtype)", count: result.elementCount, x, result, positions,
            LabPooling(sizes))
        return (result, positions)
    }

    /// Each element of a gradient at the place of its maximum, zeros elsewhere.
    static func placed(_ gradient: Tensor, _ positions: Buffer, _ sizes: PoolingSizes) -> Tensor {
        run("gradient of maxPool", "max_pool_back", gradient, positions, sizes.input, sizes)
    }

    /// The elements at the places of the maxima.
    static func taken(_ x: Tensor, _ positions: Buffer, _ sizes: PoolingSizes) -> Tensor {
        run("gradient of maxPool", "pool_taken", x, positions, sizes.output, sizes)
    }

    private static func run(
        _ operation: String, _ kernel: String, _ x: Tensor, _ positions: Buffer, _ shape: Shape, _ sizes: PoolingSizes
    ) -> Tensor {
        let (gpu, x) = (positions.gpu!, x.on(positions.gpu!))
        let result = gpu.tensor(shape, x.dtype, for: operation)
        gpu.launch(
            operation, "pooling", "\(kernel)_\(x.dtype)", count: shape.elementCount, x, positions, result,
            LabPooling(sizes))
        return result
    }

    static func averaged(_ x: Tensor, _ sizes: PoolingSizes) -> Tensor {
        let gpu = x.gpu!
        let result = gpu.tensor(sizes.output, x.dtype, for: "averagePool")
        gpu.launch(
            "averagePool", "pooling", "average_pool_\(x.dtype)", count: result.elementCount, x, result,
            LabPooling(sizes))
        return result
    }

    static func spreadEvenly(_ gradient: Tensor, _ sizes: PoolingSizes) -> Tensor {
        let gpu = gradient.gpu!
        let result = gpu.tensor(sizes.input, gradient.dtype, for: "gradient of averagePool")
        gpu.launch(
            "gradient of averagePool", "pooling", "average_pool_back_\(gradient.dtype)", count: result.elementCount,
            gradient, result, LabPooling(sizes))
        return result
    }
}

extension LabPooling {
    init(_ s: PoolingSizes) {
        self.init(
            planes: Int32(s.input[0] * s.input[1]), height: Int32(s.input[2]), width: Int32(s.input[3]),
            windowHeight: Int32(s.window.height), windowWidth: Int32(s.window.width),
            strideHeight: Int32(s.stride.height), strideWidth: Int32(s.stride.width),
            paddingHeight: Int32(s.padding.height), paddingWidth: Int32(s.padding.width),
            outputHeight: Int32(s.height), outputWidth: Int32(s.width), isAdaptive: s.stride == .zero ? 1 : 0)
    }
}
