"""The positions of the elements in order."""

import numpy
from gpu import Index, Int

from .checking import check, same


@check
def sorting(gpu, random):
    for rows, size in ((3, 1), (2, 300), (5, 64), (1, 2048), (2, 5000)):
        if gpu.block < 256 and size > 300:
            continue
        padded = 1 << (size - 1).bit_length()
        # Whole numbers, so that many are equal.
        x = numpy.rint(random.normal(0, 20, (rows, size))).astype("float32")
        on_device, y = gpu.array(x), gpu.empty((rows, size), "int32")
        for descending in (0, 1):
            expected = numpy.argsort(-x if descending else x, axis=1, kind="stable").astype("int32")
            if size <= 2048:
                gpu.launch(
                    "sorting",
                    "sort_rows_float32",
                    2,
                    on_device,
                    y,
                    Index(rows),
                    Index(size),
                    Int(padded),
                    Index(size),
                    Int(descending),
                )
                same(gpu.read(y), expected, f"sort_rows {size}")
            if size in (300, 5000):
                order = gpu.empty((rows, padded), "int32")
                gpu.launch("sorting", "sort_start", 2, order, Index(rows), Index(padded))
                run = 2
                while run <= padded:
                    distance = run // 2
                    while distance:
                        gpu.launch(
                            "sorting",
                            "sort_step_float32",
                            2,
                            on_device,
                            order,
                            Index(rows),
                            Index(size),
                            Index(padded),
                            Index(run),
                            Index(distance),
                            Int(descending),
                        )
                        distance //= 2
                    run *= 2
                gpu.launch("sorting", "sort_end", 2, order, y, Index(rows), Index(padded), Index(size))
                same(gpu.read(y), expected, f"sort_step {size}")
    top = gpu.empty((1, 3), "int32")
    values = gpu.array(numpy.array([[1, numpy.nan, 3, 2, 3]], "float32"))
    gpu.launch("sorting", "sort_rows_float32", 1, values, top, Index(1), Index(5), Int(8), Index(3), Int(1))
    same(gpu.read(top), numpy.array([[1, 2, 4]], "int32"), "the three largest, NaN first")
