#if canImport(Glibc)
    internal import Glibc
#endif

/// The mean of -log p(label), with p = softmax(logits): how surprised a classifier is by the right answers.
///
/// logits `[batch, classes]`; labels are class numbers `[batch]`, or probabilities `[batch, classes]`.
public func crossEntropy(_ logits: Tensor, _ labels: Tensor) -> Tensor {
    checkClasses(logits, labels)
    if logits.isShapeOnly || labels.isShapeOnly { return Tensor(shapeOnly: [], logits.dtype) }
    if labels.rank == 2 { return -(labels * logSoftmax(logits)).sum() * (1 / Double(logits.shape[0])) }
    let (batch, classes) = (logits.shape[0], logits.shape[1])
    // Labels that lie on the GPU are looked at there, so that nobody waits for them.
    if labels.isOnGPU, !logits.isTwiceTracked {
        let x = logits.floating.withoutGradient()
        let (loss, slope) = crossEntropyOnGPU(x.on(labels.gpu!), labels)
        return loss.recorded(logits) { slope * $0 }
    }
    let numbers = labels.positions("crossEntropy")
    if let wrong = numbers.first(where: { $0 < 0 || $0 >= classes }) {
        fail("crossEntropy: the label \(wrong) is not one of \(classes) classes, 0 to \(classes - 1)")
    }
    if logits.isTwiceTracked {
        let chosen = logSoftmax(logits) * labels.oneHot(classes: classes, dtype: logits.floating.dtype)
        return -chosen.sum() * (1 / Double(batch))
    }
    // The gradient is ready with the loss: softmax minus one at the label, over the batch.
    let x = logits.floating.withoutGradient()
    if x.isOnGPU {
        let (loss, slope) = crossEntropyOnGPU(x, labels)
        return loss.recorded(logits) { slope * $0 }
    }
    let result = Tensor(uninitialized: [], x.dtype)
    let slope = Tensor(uninitialized: x.shape, x.dtype)
    @inline(__always)
    func run<Scalar: BinaryFloatingPoint>(
        _ source: UnsafePointer<Scalar>, _ slope: UnsafeMutablePointer<Scalar>, _ exp: (Scalar) -> Scalar
    ) -> Double {
        var loss = 0.0
        for row in 0..<batch {
            let from = source + row * classes
            let to = slope + row * classes
            let label = numbers[row]
            var largest = from[0]
            for i in 1..<max(classes, 1) { largest = max(largest, from[i]) }
            var sum: Scalar = 0
            for i in 0..<classes {
                to[i] = exp(from[i] - largest)
                sum += to[i]
            }
            loss += Glibc.log(Double(sum)) - Double(from[label] - largest)
            let scale = 1 / (sum * Scalar(batch))
            for i in 0..<classes { to[i] *= scale }
            to[label] -= 1 / Scalar(batch)
        }
        // The mean of nothing is NaN.
        return loss / Double(batch)
    }
    if x.dtype == .float64 {
        result.pointer(Double.self)[0] = run(x.pointer(Double.self), slope.pointer(Double.self)) { Glibc.exp($0) }
    } else {
        result.floats[0] = Float(run(x.floats, slope.floats) { expf($0) })
    }
    return result.recorded(logits) { slope * $0 }
}

private func checkClasses(_ logits: Tensor, _ labels: Tensor) {
    guard logits.rank == 2, labels.shape == logits.shape || labels.shape == [logits.shape[0]] else {
        fail(
            "crossEntropy: logits \(logits.shape) and labels \(labels.shape) do not fit; expected [batch, classes] and [batch]"
        )
    }
}

/// Cross-entropy where every class gets `smoothing` / classes of the probability and the labels the rest (Szegedy et al.,
/// 2015), and where each term counts as much as the weight of its class, `[classes]`.
///
/// Of class numbers the result is over the sum of their weights, of probabilities over the batch, as in PyTorch.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, smoothing: Double = 0, classWeights: Tensor? = nil
) -> Tensor {
    checkClasses(logits, labels)
    guard (0...1).contains(smoothing) else { fail("crossEntropy: a smoothing of \(smoothing) does not lie in 0...1") }
    if let classWeights, classWeights.shape != [logits.shape[1]] {
        fail(
            "crossEntropy: class weights \(classWeights.shape) do not fit logits \(logits.shape); expected [\(logits.shape[1])]"
        )
    }
    if logits.isShapeOnly || labels.isShapeOnly { return Tensor(shapeOnly: [], logits.floating.dtype) }
    let (batch, classes) = (Double(logits.shape[0]), logits.shape[1])
    let chosen = labels.rank == 2 ? labels : labels.oneHot(classes: classes, dtype: logits.floating.dtype)
    let target = chosen * (1 - smoothing) + smoothing / Double(classes)
    guard let classWeights else { return -(target * logSoftmax(logits)).sum() / batch }
    let loss = -(target * classWeights * logSoftmax(logits)).sum()
    return labels.rank == 2 ? loss / batch : loss / (chosen * classWeights).sum()
}
