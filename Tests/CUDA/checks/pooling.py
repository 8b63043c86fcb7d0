"""Pooling and its way back."""

import numpy
from gpu import Pooling

from .checking import check, near, same


@check
def pooling(gpu, random):
    for planes, size, window, stride, padding in (
        (6, 8, (2, 2), (2, 2), (0, 0)),
        (2, 9, (3, 2), (2, 1), (1, 1)),
        (1, 7, (3, 3), (1, 1), (1, 0)),
        (3, 5, (5, 5), (5, 5), (0, 0)),
    ):
        # No two alike, so that the first of equal ones is not in question; that is below.
        x = random.permutation(planes * size * (size + 1)).reshape(planes, size, size + 1).astype("float32") - 50
        out_h, out_w = ((n + 2 * p - w) // s + 1 for n, w, s, p in zip((size, size + 1), window, stride, padding))
        s = Pooling(planes, size, size + 1, *window, *stride, *padding, out_h, out_w, 0)
        dy = random.normal(0, 1, (planes, out_h, out_w)).astype("float32")
        largest, mean = numpy.zeros(dy.shape), numpy.zeros(dy.shape)
        dx_largest, dx_mean = numpy.zeros(x.shape), numpy.zeros(x.shape)
        for p in range(planes):
            for i in range(out_h):
                for j in range(out_w):
                    rows, columns = (
                        slice(max(k * s - p, 0), k * s - p + w) for k, w, s, p in zip((i, j), window, stride, padding)
                    )
                    part = x[p, rows, columns]
                    largest[p, i, j], mean[p, i, j] = part.max(), part.sum() / numpy.prod(window)
                    at = numpy.unravel_index(part.argmax(), part.shape)
                    dx_largest[p, rows.start + at[0], columns.start + at[1]] += dy[p, i, j]
                    dx_mean[p, rows, columns] += dy[p, i, j] / numpy.prod(window)
        a, d, y, places, dx = (
            gpu.array(x),
            gpu.array(dy),
            gpu.empty(dy.shape),
            gpu.empty(dy.shape, "int32"),
            gpu.empty(x.shape),
        )
        gpu.launch("pooling", "max_pool_float32", 2, a, y, places, s)
        near(gpu.read(y), largest, 0, "max_pool")
        gpu.launch("pooling", "max_pool_back_float32", 2, d, places, dx, s)
        near(gpu.read(dx), dx_largest, 1e-6, "max_pool_back")
        gpu.launch("pooling", "pool_taken_float32", 2, a, places, y, s)
        near(gpu.read(y), largest, 0, "pool_taken")
        gpu.launch("pooling", "average_pool_float32", 2, a, y, s)
        near(gpu.read(y), mean, 1e-6, "average_pool")
        gpu.launch("pooling", "average_pool_back_float32", 2, d, dx, s)
        near(gpu.read(dx), dx_mean, 1e-6, "average_pool_back")
    equal = gpu.array(numpy.ones((1, 4, 4), "float32"))
    places, y = gpu.empty((1, 2, 2), "int32"), gpu.empty((1, 2, 2))
    gpu.launch("pooling", "max_pool_float32", 1, equal, y, places, Pooling(1, 4, 4, 2, 2, 2, 2, 0, 0, 2, 2, 0))
    same(gpu.read(places), numpy.array([[[0, 2], [8, 10]]], "int32"), "of equal ones the first")
    # As many windows as the result has pixels: they overlap where the sizes do not divide.
    for size, count in ((7, 3), (5, 4), (3, 5), (6, 2)):
        x, dy = (
            random.permutation(2 * size).reshape(2, size, 1).astype("float32"),
            random.normal(0, 1, (2, count, 1)).astype("float32"),
        )
        s = Pooling(2, size, 1, 0, 0, 0, 0, 0, 0, count, 1, 1)
        y, places, dx, expected = (
            gpu.empty(dy.shape),
            gpu.empty(dy.shape, "int32"),
            gpu.empty(x.shape),
            numpy.zeros(x.shape),
        )
        gpu.launch("pooling", "max_pool_float32", 1, gpu.array(x), y, places, s)
        gpu.launch("pooling", "max_pool_back_float32", 1, gpu.array(dy), places, dx, s)
        got = gpu.read(y)
        for p in range(2):
            for i in range(count):
                first = i * size // count
                part = x[p, first : -(-(i + 1) * size // count), 0]
                assert got[p, i, 0] == part.max()
                expected[p, first + part.argmax(), 0] += dy[p, i, 0]
        near(gpu.read(dx), expected, 1e-6, f"adaptive {size} to {count}")
