/// softmax along an axis, or its logarithm. Of floating-point tensors.
func normalizedExponentialsOnGPU(_ x: Tensor, _ axis: Int, logarithm: Bool) -> Tensor {
    let (gpu, extent) = (x.gpu!, x.extent(axis))
    let result = gpu.tensor(x.shape, x.dtype, for: "softmax")
    let isLogarithm: Int32 = logarithm ? 1 : 0
    if extent.wantsBlocks {
        gpu.launch(
            "softmax", "softmax", "softmax_blocks_\(x.dtype)",
            blocks: (gpu.device.blocks(extent.outer * extent.inner * CUDADevice.block), 1, 1), x, result, extent.outer,
            extent.size, extent.inner, isLogarithm)
    } else {
        gpu.launch(
            "softmax", "softmax", "softmax_\(x.dtype)", count: extent.outer * extent.inner, x, result, extent.outer,
            extent.size, extent.inner, isLogarithm)
    }
    return result
}

/// The mean loss, and the gradient of the logits, which is ready with it. labels `[batch]`; those that are no class are
/// complained of when somebody reads.
func crossEntropyOnGPU(_ x: Tensor, _ labels: Tensor) -> (loss: Tensor, slope: Tensor) {
    let gpu = x.gpu!
    let (batch, classes) = (x.shape[0], x.shape[1])
    let numbers = labels.on(gpu).converted(to: .int32)
    let loss = gpu.tensor([], x.dtype, for: "crossEntropy")
    let slope = gpu.tensor(x.shape, x.dtype, for: "crossEntropy")
    let losses = gpu.tensor([batch], .float64, for: "crossEntropy")
    let wrong = gpu.doing("crossEntropy") {
        try gpu.complaints.place { row in
            "crossEntropy: the label \(numbers.int32s[row]) is not one of \(classes) classes, 0 to \(classes - 1)"
        }
    }
    gpu.launch(
        "crossEntropy", "softmax", "cross_entropy_\(x.dtype)", count: batch, x, numbers, losses, slope, wrong, batch,
        classes)
    gpu.launch("crossEntropy", "softmax", "mean_loss_\(x.dtype)", blocks: (1, 1, 1), losses, loss, batch)
    return (loss, slope)
}
