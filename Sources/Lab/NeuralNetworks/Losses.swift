public import Tensors

// Losses are means over all elements, so that they do not grow with the batch. Both arguments have the same shape: [64, 1]
// and [64] would broadcast to [64, 64], and nobody would notice.

private func checkShapes(_ loss: String, _ prediction: Tensor, _ target: Tensor) {
    guard prediction.shape == target.shape else {
        fail("\(loss): \(prediction.shape) and \(target.shape) do not fit; both have the same shape")
    }
}

/// The mean squared difference.
public func meanSquaredError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    checkShapes("meanSquaredError", prediction, target)
    return (prediction - target).squared().mean()
}

/// The mean absolute difference.
public func meanAbsoluteError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    checkShapes("meanAbsoluteError", prediction, target)
    return (prediction - target).magnitude().mean()
}

/// Half the square of small differences, up to `delta`, and a straight line beyond (Huber, 1964).
public func huber(_ prediction: Tensor, _ target: Tensor, delta: Double = 1) -> Tensor {
    checkShapes("huber", prediction, target)
    let distance = (prediction - target).magnitude()
    let small = minimum(distance, delta)
    return (0.5 * small.squared() + delta * (distance - small)).mean()
}

/// Huber's loss over `beta`, so that the line beyond has the slope 1: what boxes are fitted with (Girshick, 2015).
public func smoothL1(_ prediction: Tensor, _ target: Tensor, beta: Double = 1) -> Tensor {
    checkShapes("smoothL1", prediction, target)
    guard beta > 0 else { fail("smoothL1: beta is \(beta); choose a number above 0") }
    return huber(prediction, target, delta: beta) / beta
}

/// -(y log p + (1 - y) log(1 - p)) of each element, with p = sigmoid(logits), written so that no logit is too large for it.
private func logisticSurprise(_ logits: Tensor, _ labels: Tensor) -> Tensor {
    maximum(logits, 0) - logits * labels + (-logits.magnitude()).exp().log1p()
}

/// The mean of -(y log p + (1 - y) log(1 - p)) with p = sigmoid(logits), exact for logits of any size.
public func binaryCrossEntropy(_ logits: Tensor, _ labels: Tensor) -> Tensor {
    checkShapes("binaryCrossEntropy", logits, labels)
    return logisticSurprise(logits, labels).mean()
}

/// Binary cross-entropy that counts what is already right less: · alpha · (1 - p of the right answer)^gamma
/// (Lin et al., 2017).
public func focal(_ logits: Tensor, _ labels: Tensor, alpha: Double = 0.25, gamma: Double = 2) -> Tensor {
    checkShapes("focal", logits, labels)
    let surprise = logisticSurprise(logits, labels)
    let right = (-surprise).exp()
    let share = alpha * labels + (1 - alpha) * (1 - labels)
    return (share * (1 - right).power(gamma) * surprise).mean()
}

/// max(0, 1 - y · prediction), with y = ±1.
public func hinge(_ prediction: Tensor, _ labels: Tensor) -> Tensor {
    checkShapes("hinge", prediction, labels)
    return maximum(1 - labels * prediction, 0).mean()
}

/// The Kullback–Leibler divergence of distributions along the last axis: the sum of q · (log q - logP), over the batch.
public func klDivergence(logProbabilities: Tensor, target: Tensor) -> Tensor {
    checkShapes("klDivergence", logProbabilities, target)
    guard target.rank > 0 else { fail("klDivergence: a scalar is no distribution") }
    let logarithm = `where`(target .> 0, maximum(target, 1e-300).log(), target.zero)
    return (target * (logarithm - logProbabilities)).sum() / Double(target.shape[0])
}

extension Tensor {
    fileprivate var zero: Tensor { Tensor(0, dtype: dtype.isFloatingPoint ? dtype : .float32) }
}
