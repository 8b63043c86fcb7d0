"""Mean 0 and variance 1."""

import numpy
from gpu import Double, Index

from .checking import check, near


@check
def normalization(gpu, random):
    for outer, rows, inner in ((4, 3, 35), (1, 70, 10), (300, 2, 1)):
        for dtype, tolerance in (("float32", 3e-6), ("float64", 1e-13)):
            x = (random.normal(5, 2, (outer, rows, inner))).astype(dtype)
            g = random.normal(0, 1, x.shape).astype(dtype)
            double = x.astype("float64")
            mean, variance = double.mean((0, 2)), double.var((0, 2))
            expected = (double - mean[:, None]) / numpy.sqrt(variance[:, None] + 1e-5)
            y, means, variances, dx = (
                gpu.empty(x.shape, dtype),
                gpu.empty(rows, dtype),
                gpu.empty(rows, dtype),
                gpu.empty(x.shape, dtype),
            )
            sizes = (Index(outer), Index(rows), Index(inner), Double(1e-5))
            gpu.launch("normalization", f"standardize_{dtype}", 2, gpu.array(x), y, means, variances, *sizes)
            near(gpu.read(y), expected, tolerance, f"standardize {x.shape}")
            near(gpu.read(means), mean, tolerance, "means")
            near(gpu.read(variances), variance, tolerance, "variances")
            gpu.launch("normalization", f"standardize_back_{dtype}", 2, gpu.array(g), y, variances, dx, *sizes)
            slope, count = g.astype("float64"), outer * inner
            centre, tilt = slope.mean((0, 2)), (slope * expected).mean((0, 2))
            near(
                gpu.read(dx),
                (slope - centre[:, None] - expected * tilt[:, None]) / numpy.sqrt(variance[:, None] + 1e-5),
                tolerance,
                "standardize_back",
            )
