"""Elements moved and not changed."""

import numpy
from gpu import Broadcast, Double, Index

from .checking import check, same, contiguous


@check
def elements_are_moved(gpu, random):
    x = random.normal(0, 1, (4, 3, 5)).astype("float32")
    a, strides = gpu.array(x), contiguous(x.shape)
    y = gpu.empty((5, 4, 3))
    permuted = Broadcast.of((5, 4, 3), [strides[2], strides[0], strides[1]], contiguous((5, 4, 3)))
    gpu.launch("arranging", "copied_32", 1, a, y, Index(60), permuted)
    same(gpu.read(y), numpy.ascontiguousarray(x.transpose(2, 0, 1)), "permuted")
    # A slice with a step, reversed along the last axis: it begins at its last element.
    last = gpu.array(x)
    last.address += 4 * (strides[0] + 4)
    to = gpu.empty((2, 3, 5))
    gpu.launch(
        "arranging",
        "copied_32",
        1,
        last,
        to,
        Index(30),
        Broadcast.of((2, 3, 5), [2 * strides[0], strides[1], -1], contiguous((2, 3, 5))),
    )
    same(gpu.read(to), numpy.ascontiguousarray(x[1::2, :, ::-1]), "sliced and reversed")
    for bits, dtype in ((8, "uint8"), (16, "uint16"), (64, "float64")):
        values, copy = numpy.arange(300).astype(dtype), gpu.empty(300, dtype)
        gpu.launch(
            "arranging", f"copied_{bits}", 1, gpu.array(values), copy, Index(300), Broadcast.of((300,), (1,), (1,))
        )
        same(gpu.read(copy), values, f"copied_{bits}")
    for batch, rows, columns in ((1, 1, 1), (2, 33, 70), (3, 32, 64)):
        for bits, dtype in ((32, "float32"), (64, "float64")):
            matrix = random.normal(0, 1, (batch, rows, columns)).astype(dtype)
            y = gpu.empty((batch, columns, rows), dtype)
            gpu.launch(
                "arranging", f"transposed_{bits}", 3, gpu.array(matrix), y, Index(batch), Index(rows), Index(columns)
            )
            same(gpu.read(y), numpy.ascontiguousarray(matrix.swapaxes(1, 2)), f"transposed {matrix.shape}")
    for dtype in ("float32", "float64", "int32", "uint8"):
        y = gpu.empty(257, dtype)
        gpu.launch("arranging", f"filled_{dtype}", 1, y, Index(257), Double(3))
        same(gpu.read(y), numpy.full(257, 3, dtype), "filled")
    y = gpu.empty(257, "float64")
    gpu.launch("arranging", "range_float64", 1, y, Index(257))
    same(gpu.read(y), numpy.arange(257.0), "range")
