"""Computes with PyTorch in float64 what Swift Lab's operations have to give: results and gradients.

usage: operations.py        writes operations.safetensors beside itself
Needs: torch, numpy, safetensors. A line for each operation; the Swift side has a line of the same name in
Tests/TensorsTests/OperationTable.swift. For inputs x and random r it stores x, r, f(x) and the gradient of the sum of
f(x) * r for each x; of comparisons, positions and the like f(x) alone.
"""

import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
A = [2, 3, 4]
LABELS = torch.tensor([0, 2, 1])
IMAGE = [2, 4, 6, 5]
SIGNS = torch.tensor([[1.0, -1, 1, 1], [-1, -1, 1, -1], [1, 1, -1, 1]])
TARGET = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.0, 0.1, 0.2], [0.25, 0.25, 0.25, 0.25]])
MASK = torch.tensor([[True, False, True, False], [False, False, True, True], [False, True, False, False]])
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 1.5])


def positive(shape):
    return ("positive", shape)


def assigned(x, place, value):
    """A copy of x with something else at a place."""
    result = x.clone()
    result[place] = value
    return result


def focal(logits, labels, alpha=0.25, gamma=2):
    """As its authors write it (Lin et al., 2017), from the probability of the right answer."""
    p = torch.sigmoid(logits)
    right = p * labels + (1 - p) * (1 - labels)
    share = alpha * labels + (1 - alpha) * (1 - labels)
    return (-share * (1 - right) ** gamma * right.log()).mean()


def unit(shape):
    return ("unit", shape)


OPERATIONS = {
    # elementwise
    "add": (lambda a, b: a + b, [A, [3, 1]]),
    "subtract": (lambda a, b: a - b, [[4], A]),
    "multiply": (lambda a, b: a * b, [A, [2, 1, 4]]),
    "divide": (lambda a, b: a / b, [A, positive([3, 4])]),
    "negate": (lambda a: -a, [A]),
    "scalars": (lambda a: 2 / (3 - (1 + a * 0.5) ** 2 - 8) - 1, [A]),
    "exp": (torch.exp, [A]),
    "log": (torch.log, [positive(A)]),
    "log1p": (torch.log1p, [positive(A)]),
    "squareRoot": (torch.sqrt, [positive(A)]),
    "sin": (torch.sin, [A]),
    "cos": (torch.cos, [A]),
    "squared": (torch.square, [A]),
    "magnitude": (torch.abs, [A]),
    "power": (lambda a: a**2.5, [positive(A)]),
    "powerTensor": (torch.pow, [positive(A), [4]]),
    "clamped": (lambda a: a.clamp(-0.5, 0.5), [A]),
    "maximum": (torch.maximum, [A, [3, 1]]),
    "minimum": (torch.minimum, [A, [3, 1]]),
    "where": (lambda a, b: torch.where(a > 0, a * 3, b), [A, [4]]),
    "erf": (torch.erf, [A]),
    "sign": (torch.sign, [A]),
    "floor": (torch.floor, [A]),
    "ceil": (torch.ceil, [A]),
    "rounded": (torch.round, [A]),
    "remainder": (torch.fmod, [A, positive([3, 4])]),
    # comparison
    "equal": (lambda a, b: a.round() == b.round(), [A, [3, 1]]),
    "unequal": (lambda a, b: a.round() != b.round(), [A, [3, 1]]),
    "less": (lambda a, b: a < b, [A, [3, 1]]),
    "lessOrEqual": (lambda a, b: a.round() <= b.round(), [A, [3, 1]]),
    "greater": (lambda a, b: a > b, [A, [3, 1]]),
    "greaterOrEqual": (lambda a, b: a.round() >= b.round(), [A, [3, 1]]),
    "and": (lambda a, b: (a > 0) & (b > 0), [A, [3, 1]]),
    "or": (lambda a, b: (a > 0) | (b > 0), [A, [3, 1]]),
    "not": (lambda a: ~(a > 0), [A]),
    # activations
    "relu": (F.relu, [A]),
    "sigmoid": (torch.sigmoid, [A]),
    "tanh": (torch.tanh, [A]),
    "leakyReLU": (lambda a: F.leaky_relu(a, 0.1), [A]),
    "elu": (lambda a: F.elu(a, 1.5), [A]),
    "gelu": (F.gelu, [A]),
    "silu": (F.silu, [A]),
    "softplus": (F.softplus, [A]),
    "softmax": (lambda a: F.softmax(a, -1), [A]),
    "softmaxAxis": (lambda a: F.softmax(a, 1), [A]),
    "logSoftmax": (lambda a: F.log_softmax(a, 1), [A]),
    # reductions
    "sum": (torch.sum, [A]),
    "sumAxes": (lambda a: a.sum((0, 2)), [A]),
    "mean": (lambda a: a.mean(1, keepdim=True), [A]),
    "variance": (lambda a: a.var((0, 2), unbiased=False), [A]),
    "varianceUnbiased": (lambda a: a.var(2, unbiased=True), [A]),
    "standardDeviation": (lambda a: a.std((0, 2), correction=0), [A]),
    "meanAll": (torch.mean, [A]),
    "maximumAll": (torch.amax, [A]),
    "minimumAll": (torch.amin, [A]),
    "argmax": (lambda a: a.argmax(1), [A]),
    "argmin": (lambda a: a.argmin(2), [A]),
    "maximumAxis": (lambda a: a.amax(2), [A]),
    "minimumAxis": (lambda a: a.amin((0, 1)), [A]),
    "cumulativeSum": (lambda a: a.cumsum(1), [A]),
    # shapes
    "reshaped": (lambda a: a.reshape(6, 4), [A]),
    "transposed": (lambda a: a.transpose(0, 2), [A]),
    "transposedAll": (lambda a: a.permute(2, 1, 0), [A]),
    "flattened": (lambda a: a.flatten(1), [A]),
    "expanded": (lambda a: a.unsqueeze(1), [A]),
    "squeezed": (lambda a: a.squeeze(1), [[2, 1, 4]]),
    "permuted": (lambda a: a.permute(1, 2, 0), [A]),
    "broadcast": (lambda a: a.expand(2, 3, 4), [[3, 1]]),
    "sliced": (lambda a: a[:, 0:3:2, 1:], [A]),
    "position": (lambda a: a[-1], [A]),
    "indexed": (lambda a: a[-1, 0:2, 3], [A]),
    "indexedSteps": (lambda a: a[:, 2:, ::3], [A]),
    "indexedBackwards": (lambda a: a.flip(2)[..., ::2], [A]),
    "indexedFromEnd": (lambda a: a[:-1, -2:, None], [A]),
    "indexedList": (lambda a: a[:, [2, 0, 2], 1:3], [A]),
    "indexedEllipsis": (lambda a: a[..., 1], [A]),
    "assigned": (lambda a, b: assigned(a, (0, slice(1, 3)), b), [A, [4]]),
    "assignedList": (lambda a, b: assigned(a, (slice(None), [2, 0]), b), [A, [2, 1, 4]]),
    "assignedMask": (lambda a, b: assigned(a, MASK, b), [[3, 4], [5]]),
    "assignedScalar": (lambda a, b: assigned(a, (..., 1), b), [A, []]),
    "concatenated": (lambda a, b: torch.cat([a, b], 1), [A, [2, 2, 4]]),
    "stacked": (lambda a, b: torch.stack([a, b], 1), [[3, 4], [3, 4]]),
    "split": (lambda a: a.split([1, 3], 2)[1], [A]),
    "padded": (lambda a: F.pad(a, (0, 0, 2, 1), value=0.5), [A]),
    "gathered": (lambda a: a[:, [2, 0, 2]], [A]),
    "scattered": (lambda a: torch.zeros(2, 5, 4).index_add(1, torch.tensor([4, 0, 4]), a), [A]),
    "repeated": (lambda a: a.repeat_interleave(2, 1), [A]),
    "reversed": (lambda a: a.flip(2), [A]),
    "sorted": (lambda a: a.sort(-1).values, [A]),
    "topK": (lambda a: a.topk(2).values, [A]),
    "topKPositions": (lambda a: a.topk(2).indices, [A]),
    "sortedDescending": (lambda a: a.sort(-1, descending=True).values, [A]),
    "argsort": (lambda a: a.argsort(-1), [A]),
    "chosen": (lambda a: a.gather(-1, torch.tensor([[[3, 0], [1, 1], [2, 3]]] * 2)), [A]),
    "oneHot": (lambda a: F.one_hot(a.argmax(1), 3), [A]),
    "maskAxes": (lambda a: a[MASK], [[3, 4, 2]]),
    "gatheredTensor": (lambda a: a[LABELS[:2]], [[3, 4]]),
    "mask": (lambda a: a[a > 0], [A]),
    # products
    "matmul": (torch.matmul, [[3, 4], [4, 5]]),
    "matmulBatched": (torch.matmul, [[2, 1, 3, 4], [5, 4, 2]]),
    "matmulVector": (torch.matmul, [[3, 4], [4]]),
    "matmulVectors": (torch.matmul, [[4], [4]]),
    "matmulVectorMatrix": (torch.matmul, [[3], [2, 3, 4]]),
    "dense": (F.linear, [[3, 4], [5, 4], [5]]),
    # convolution and pooling
    "conv2D": (F.conv2d, [IMAGE, [6, 4, 3, 3], [6]]),
    "conv2DPadded": (lambda x, w, b: F.conv2d(x, w, b, padding=2), [IMAGE, [3, 4, 5, 5], [3]]),
    "conv2DStrided": (lambda x, w: F.conv2d(x, w, stride=2, padding=1), [IMAGE, [6, 4, 3, 3]]),
    "conv2DDilated": (lambda x, w: F.conv2d(x, w, dilation=2, padding=2), [IMAGE, [2, 4, 3, 3]]),
    "conv2DGrouped": (lambda x, w: F.conv2d(x, w, groups=2, padding=1), [IMAGE, [6, 2, 3, 3]]),
    "conv2DPointwise": (F.conv2d, [IMAGE, [3, 4, 1, 1]]),
    "conv2DRectangular": (
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(0, 2), dilation=(1, 2)),
        [IMAGE, [6, 4, 3, 2], [6]]),
    "conv2DPaddedOneWay": (
        lambda x, w, b: F.conv2d(x, w, b, padding=(2, 0)), [[17, 2, 5, 6], [3, 2, 3, 3], [3]]),
    "conv2DBatch": (lambda x, w, b: F.conv2d(x, w, b, padding=1), [[18, 2, 5, 6], [3, 2, 3, 3], [3]]),
    "convPool": (lambda x, w, b: F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2), [[16, 2, 8, 8], [3, 2, 5, 5], [3]]),
    "transposedConv2D": (
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
        [[2, 3, 4, 3], [3, 2, 3, 3]],
    ),
    "transposedConv2DGrouped": (
        lambda x, w, b: F.conv_transpose2d(
            x, w, b, stride=(2, 1), padding=(1, 0), output_padding=(1, 0), dilation=(1, 2), groups=2),
        [[2, 4, 4, 3], [4, 3, 3, 2], [6]]),
    "maxPool": (lambda x: F.max_pool2d(x, 2), [IMAGE]),
    "maxPoolOverlapping": (lambda x: F.max_pool2d(x, 3, 2, 1), [IMAGE]),
    "maxPoolRectangular": (lambda x: F.max_pool2d(x, (3, 2), (1, 2), (1, 0)), [IMAGE]),
    "averagePoolRectangular": (lambda x: F.avg_pool2d(x, (3, 2), (1, 2), (1, 0)), [IMAGE]),
    "averagePool": (lambda x: F.avg_pool2d(x, 3, 2, 1), [IMAGE]),
    "conv1D": (lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1), [[2, 4, 9], [3, 4, 3], [3]]),
    "conv1DDilated": (lambda x, w: F.conv1d(x, w, dilation=2, groups=2), [[2, 4, 9], [6, 2, 3]]),
    "globalAveragePool": (lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), [IMAGE]),
    "globalMaxPool": (lambda x: F.adaptive_max_pool2d(x, 1).flatten(1), [IMAGE]),
    "adaptiveAveragePool": (lambda x: F.adaptive_avg_pool2d(x, (4, 3)), [IMAGE]),
    "adaptiveMaxPool": (lambda x: F.adaptive_max_pool2d(x, (4, 3)), [IMAGE]),
    "upsampled": (lambda x: F.interpolate(x, scale_factor=2), [IMAGE]),
    "upsampledBilinear": (
        lambda x: F.interpolate(x, scale_factor=3, mode="bilinear", align_corners=False), [IMAGE]),
    # normalisation
    "batchNorm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [IMAGE, [4], [4]]),
    "batchNormRows": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [[7, 4], [4], [4]]),
    "layerNorm": (lambda x, w, b: F.layer_norm(x, [11], w, b), [[2, 3, 11], [11], [11]]),
    "groupNorm": (lambda x, w, b: F.group_norm(x, 2, w, b), [IMAGE, [4], [4]]),
    "localResponseNorm": (
        lambda x: F.local_response_norm(x, 3, alpha=0.5, beta=0.6, k=1.5), [IMAGE]),
    # losses
    "meanSquaredError": (lambda x: F.mse_loss(x, TARGET), [[3, 4]]),
    "meanAbsoluteError": (lambda x: F.l1_loss(x, TARGET), [[3, 4]]),
    "huber": (lambda x: F.huber_loss(x, TARGET, delta=0.7), [[3, 4]]),
    "smoothL1": (lambda x: F.smooth_l1_loss(x, TARGET, beta=0.7), [[3, 4]]),
    "binaryCrossEntropy": (lambda x: F.binary_cross_entropy_with_logits(x, TARGET), [[3, 4]]),
    "focal": (lambda x: focal(x, (SIGNS + 1) / 2), [[3, 4]]),
    "hinge": (lambda x: (1 - SIGNS * x).clamp(min=0).mean(), [[3, 4]]),
    "klDivergence": (lambda x: F.kl_div(F.log_softmax(x, -1), TARGET, reduction="batchmean"), [[3, 4]]),
    "crossEntropySmoothed": (lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.2), [[3, 4]]),
    "crossEntropyWeighted": (
        lambda x: F.cross_entropy(x, LABELS, weight=WEIGHTS, label_smoothing=0.1), [[3, 4]]),
    "crossEntropy": (lambda x: F.cross_entropy(x, LABELS), [[3, 4]]),
    "crossEntropyProbabilities": (lambda x: F.cross_entropy(x, F.one_hot(LABELS, 4) * 0.7 + 0.075), [[3, 4]]),
}


def draw(shape, generator):
    kind, shape = shape if isinstance(shape, tuple) else ("normal", shape)
    if kind == "positive":
        return torch.rand(shape, generator=generator) + 0.5
    if kind == "unit":
        return torch.rand(shape, generator=generator)
    return torch.randn(shape, generator=generator)


def main():
    tensors = {}
    for name, (function, shapes) in OPERATIONS.items():
        generator = torch.Generator().manual_seed(sum(name.encode()))
        inputs = [draw(shape, generator).requires_grad_() for shape in shapes]
        result = function(*inputs)
        for i, x in enumerate(inputs):
            tensors[f"{name}/input{i}"] = x.detach().clone(memory_format=torch.contiguous_format)
        if result.requires_grad:
            weights = torch.randn(result.shape, generator=generator)
            for i, gradient in enumerate(torch.autograd.grad((result * weights).sum(), inputs)):
                tensors[f"{name}/gradient{i}"] = gradient.clone(memory_format=torch.contiguous_format)
            tensors[f"{name}/weights"] = weights
        tensors[f"{name}/result"] = result.detach().double().clone(memory_format=torch.contiguous_format)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.safetensors")
    save_file(tensors, path, metadata={"torch": torch.__version__.split("+")[0]})
    print(f"{len(OPERATIONS)} operations, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
