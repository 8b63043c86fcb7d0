"""Sums, extremes and positions along an axis."""

import numpy
from gpu import Index

from .checking import check, near, same


@check
def sums_and_extremes_in_pieces(gpu, random):
    for outer, size, inner, piece in (
        (1, 1, 1, 64),
        (3, 1000, 1, 256),
        (2, 70, 5, 32),
        (1, 2049, 1, 2049),
        (4, 33, 17, 64),
    ):
        pieces = -(-size // piece)
        for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
            x = random.normal(0, 1, (outer, size, inner)).astype(dtype)
            on_device, parts, whole = (
                gpu.array(x),
                gpu.empty((outer, pieces, inner), dtype),
                gpu.empty((outer, inner), dtype),
            )
            sums = ["sum_columns"] + (["sum_rows"] if inner == 1 else [])
            for kernel in sums:
                more = [] if kernel == "sum_rows" else [Index(inner)]
                gpu.launch(
                    "reductions",
                    f"{kernel}_{dtype}",
                    3,
                    on_device,
                    parts,
                    Index(outer),
                    Index(size),
                    *more,
                    Index(piece),
                )
                gpu.launch(
                    "reductions",
                    f"{kernel}_{dtype}",
                    2,
                    parts,
                    whole,
                    Index(outer),
                    Index(pieces),
                    *more,
                    Index(pieces),
                )
                near(gpu.read(whole), x.astype("float64").sum(1), tolerance, f"{kernel} {dtype} {x.shape}")
            for kernel, reference in (("largest", x.max(1)), ("smallest", x.min(1))):
                gpu.launch(
                    "reductions",
                    f"{kernel}_{dtype}",
                    3,
                    on_device,
                    parts,
                    Index(outer),
                    Index(size),
                    Index(inner),
                    Index(piece),
                )
                gpu.launch(
                    "reductions",
                    f"{kernel}_{dtype}",
                    2,
                    parts,
                    whole,
                    Index(outer),
                    Index(pieces),
                    Index(inner),
                    Index(pieces),
                )
                same(gpu.read(whole), reference, kernel)
            place = gpu.empty((outer, inner), "int32")
            ties = numpy.rint(x)
            for kernel, reference in (("argmax", ties.argmax(1)), ("argmin", ties.argmin(1))):
                gpu.launch(
                    "reductions",
                    f"{kernel}_{dtype}",
                    2,
                    gpu.array(ties),
                    place,
                    Index(outer),
                    Index(size),
                    Index(inner),
                )
                same(gpu.read(place), reference.astype("int32"), kernel)
                gpu.launch(
                    "reductions",
                    f"{kernel}_blocks_{dtype}",
                    2,
                    gpu.array(ties),
                    place,
                    Index(outer),
                    Index(size),
                    Index(inner),
                )
                same(gpu.read(place), reference.astype("int32"), f"{kernel} by blocks")
            y = gpu.empty(x.shape, dtype)
            gpu.launch(
                "reductions", f"cumulative_sum_{dtype}", 2, on_device, y, Index(outer), Index(size), Index(inner)
            )
            near(gpu.read(y), x.astype("float64").cumsum(1), 20 * tolerance, "cumulative_sum")
