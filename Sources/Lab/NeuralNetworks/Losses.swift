public import Tensors

// Losses are means over all elements, so that they do not grow with the batch. Shapes of both arguments are the same
// unless something else is said.

/// The mean squared difference.
public func meanSquaredError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    (prediction - target).squared().mean()
}

/// The mean absolute difference.
public func meanAbsoluteError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    (prediction - target).magnitude().mean()
}

/// Half the square of small differences, up to `delta`, and a straight line beyond (Huber, 1964).
public func huber(_ prediction: Tensor, _ target: Tensor, delta: Double = 1) -> Tensor {
    let distance = (prediction - target).magnitude()
    let small = minimum(distance, delta)
    return (0.5 * small.squared() + delta * (distance - small)).mean()
}

/// Huber's loss over `beta`, so that the line beyond has the slope 1: what boxes are fitted with (Girshick, 2015).
public func smoothL1(_ prediction: Tensor, _ target: Tensor, beta: Double = 1) -> Tensor {
    huber(prediction, target, delta: beta) / beta
}

/// -(y log p + (1 - y) log(1 - p)) with p = sigmoid(logits), exact for logits of any size.
public func binaryCrossEntropy(_ logits: Tensor, _ labels: Tensor) -> Tensor {
    (maximum(logits, 0) - logits * labels + (-logits.magnitude()).exp().log1p()).mean()
}

/// Binary cross-entropy that counts what is already right less: · alpha · (1 - p of the right answer)^gamma
/// (Lin et al., 2017).
public func focal(_ logits: Tensor, _ labels: Tensor, alpha: Double = 0.25, gamma: Double = 2) -> Tensor {
    let surprise = maximum(logits, 0) - logits * labels + (-logits.magnitude()).exp().log1p()
    let right = (-surprise).exp()
    let share = alpha * labels + (1 - alpha) * (1 - labels)
    return (share * (1 - right).power(gamma) * surprise).mean()
}

/// max(0, 1 - y · prediction), with y = ±1.
public func hinge(_ prediction: Tensor, _ labels: Tensor) -> Tensor { maximum(1 - labels * prediction, 0).mean() }

/// The Kullback–Leibler divergence of distributions along the last axis: the sum of q · (log q - logP), over the batch.
public func klDivergence(logProbabilities: Tensor, target: Tensor) -> Tensor {
    let logarithm = `where`(target .> 0, maximum(target, 1e-300).log(), target.zero)
    return (target * (logarithm - logProbabilities)).sum() / Double(target.shape[0])
}

/// The mean of -log p(label), with p = softmax(logits), where every class gets `smoothing` / classes of the probability
/// and the label the rest, and where images count as much as the weight of their class.
///
/// logits `[batch, classes]`, labels `[batch]`, classWeights `[classes]`.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, smoothing: Double = 0, classWeights: Tensor?
) -> Tensor {
    guard logits.rank == 2, labels.shape == [logits.shape[0]] else {
        fail(
            "crossEntropy: logits \(logits.shape) and labels \(labels.shape) do not fit; expected [batch, classes] and [batch]"
        )
    }
    let classes = logits.shape[1]
    let chosen = labels.oneHot(classes: classes, dtype: logits.dtype)
    let target = chosen * (1 - smoothing) + smoothing / Double(classes)
    guard let classWeights else { return crossEntropy(logits, target) }
    // As PyTorch counts: the smoothed share of each class by that class' weight, over the weights of the labels.
    let total = (chosen * classWeights).sum()
    return -(target * classWeights * logSoftmax(logits)).sum() / total
}

extension Tensor {
    fileprivate var zero: Tensor { Tensor(0, dtype: dtype.isFloatingPoint ? dtype : .float32) }
}
