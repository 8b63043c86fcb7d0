"""Parts at given positions and back."""

import numpy
from gpu import Index

from .checking import check, near, same


@check
def parts_at_positions(gpu, random):
    outer, size, inner = 3, 11, 5
    positions = random.integers(0, size, 40).astype("int32")
    places, wrong = gpu.array(positions), gpu.array(numpy.array([2**31 - 1], "int32"))
    for bits, dtype in ((8, "uint8"), (16, "uint16"), (32, "float32"), (64, "float64")):
        x = (random.normal(0, 1, (outer, size, inner)) * 100).astype(dtype if bits > 16 else "int64").astype(dtype)
        y = gpu.empty((outer, 40, inner), dtype)
        gpu.launch(
            "indexing",
            f"gathered_{bits}",
            2,
            gpu.array(x),
            places,
            y,
            wrong,
            Index(outer),
            Index(size),
            Index(40),
            Index(inner),
        )
        same(gpu.read(y), x[:, positions], f"gathered_{bits}")
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        dy = random.normal(0, 1, (outer, 40, inner)).astype(dtype)
        expected = numpy.zeros((outer, size, inner))
        for k, position in enumerate(positions):
            expected[:, position] += dy[:, k]
        dx = gpu.empty(expected.shape, dtype)
        starts = numpy.searchsorted(numpy.sort(positions), numpy.arange(size + 1)).astype("int32")
        parts = numpy.argsort(positions, kind="stable").astype("int32")
        gpu.launch(
            "indexing",
            f"scattered_{dtype}",
            2,
            gpu.array(dy),
            gpu.array(starts),
            gpu.array(parts),
            dx,
            Index(outer),
            Index(size),
            Index(40),
            Index(inner),
        )
        near(gpu.read(dx), expected, tolerance, "scattered")
        hot = gpu.empty((40, size), dtype)
        gpu.launch("indexing", f"one_hot_{dtype}", 1, places, hot, wrong, Index(40), Index(size))
        same(gpu.read(hot), numpy.eye(size, dtype=dtype)[positions], "one_hot")
    for bits, dtype in ((8, "uint8"), (16, "uint16"), (32, "float32"), (64, "float64")):
        order, target = random.permutation(500)[:300].astype("int32"), numpy.zeros(500, dtype)
        x, y = random.integers(1, 200, 300).astype(dtype), gpu.array(target)
        gpu.launch("indexing", f"placed_{bits}", 1, gpu.array(x), gpu.array(order), y, Index(300))
        target[order] = x
        same(gpu.read(y), target, f"placed_{bits}")
    rows = random.normal(0, 1, (6, size)).astype("float32")
    picks = random.integers(0, size, (6, 3)).astype("int32")
    y = gpu.empty(picks.shape)
    gpu.launch("indexing", "chosen_32", 1, gpu.array(rows), gpu.array(picks), y, wrong, Index(6), Index(size), Index(3))
    same(gpu.read(y), numpy.take_along_axis(rows, picks, 1), "chosen")
    assert gpu.read(wrong)[0] == 2**31 - 1
    positions[[7, 30]] = [size, -1]
    gpu.launch(
        "indexing",
        "gathered_32",
        1,
        gpu.array(rows),
        gpu.array(positions),
        gpu.empty((6, 40)),
        wrong,
        Index(6),
        Index(size),
        Index(40),
        Index(1),
    )
    assert gpu.read(wrong)[0] == 7, "the first position that does not exist"
    wrong = gpu.array(numpy.array([2**31 - 1], "int32"))
    gpu.launch(
        "indexing", "one_hot_float32", 1, gpu.array(positions), gpu.empty((40, size)), wrong, Index(40), Index(size)
    )
    assert gpu.read(wrong)[0] == 7, "the first label that is no class"
