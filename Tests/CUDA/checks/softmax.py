"""softmax, and the cross entropy with its gradient."""

import numpy
from gpu import Index, Int

from .checking import check, near, same


@check
def softmax_of_rows_and_columns(gpu, random):
    for outer, size, inner in ((64, 10, 1), (3, 257, 1), (2, 5, 7), (2, 600, 3)):
        for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
            x = (random.normal(0, 10, (outer, size, inner)) + 100).astype(dtype)
            shifted = x.astype("float64") - x.max(1, keepdims=True)
            logarithm = shifted - numpy.log(numpy.exp(shifted).sum(1, keepdims=True))
            y, on_device = gpu.empty(x.shape, dtype), gpu.array(x)
            for is_logarithm, expected in ((0, numpy.exp(logarithm)), (1, logarithm)):
                gpu.launch(
                    "softmax",
                    f"softmax_{dtype}",
                    2,
                    on_device,
                    y,
                    Index(outer),
                    Index(size),
                    Index(inner),
                    Int(is_logarithm),
                )
                near(gpu.read(y), expected, tolerance, f"softmax {x.shape}")
                gpu.launch(
                    "softmax",
                    f"softmax_blocks_{dtype}",
                    2,
                    on_device,
                    y,
                    Index(outer),
                    Index(size),
                    Index(inner),
                    Int(is_logarithm),
                )
                near(gpu.read(y), expected, tolerance, f"softmax_blocks {x.shape}")


@check
def cross_entropy_with_its_gradient(gpu, random):
    for batch, classes in ((64, 10), (1, 1), (300, 7)):
        logits = random.normal(0, 3, (batch, classes)).astype("float32")
        labels = random.integers(0, classes, batch).astype("int32")
        losses, slope, mean = gpu.empty(batch, "float64"), gpu.empty(logits.shape), gpu.empty(1)
        wrong, totals = gpu.array(numpy.array([2**31 - 1], "int32")), gpu.array(numpy.zeros(3))
        x, t = gpu.array(logits), gpu.array(labels)
        gpu.launch("softmax", "cross_entropy_float32", 1, x, t, losses, slope, wrong, Index(batch), Index(classes))
        gpu.launch("softmax", "mean_loss_float32", 1, losses, mean, Index(batch))
        for _ in range(2):
            gpu.launch("softmax", "add_metrics", 1, x, t, losses, totals, Index(batch), Index(classes))
        double = logits.astype("float64")
        p = numpy.exp(double - double.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        expected = -numpy.log(p[numpy.arange(batch), labels])
        near(gpu.read(losses), expected, 1e-6, "losses")
        near(gpu.read(mean), [expected.mean()], 1e-6, "mean loss")
        one_hot = numpy.eye(classes)[labels]
        near(gpu.read(slope) * batch, p - one_hot, 1e-6, "slope") if classes > 1 else None
        near(gpu.read(totals), [2 * expected.sum(), 2 * (logits.argmax(1) == labels).sum(), 2 * batch], 1e-6, "metrics")
        same(gpu.read(wrong), numpy.array([2**31 - 1], "int32"), "no wrong label")
    labels[[5, 200]] = 7
    gpu.launch(
        "softmax", "cross_entropy_float32", 1, x, gpu.array(labels), losses, slope, wrong, Index(batch), Index(classes)
    )
    assert gpu.read(wrong)[0] == 5 and numpy.isnan(gpu.read(losses)[5])
