"""What the checks of all families share.

`same` wants the same bits. Tolerances of `near` are relative to the largest magnitude of the reference, which is
computed in double precision: 1e-6 is 16 roundings of a float32 (2^-24 each), 1e-5 what a sum of some hundred terms
collects.
"""

import numpy

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def near(got, expected, tolerance=1e-6, what=""):
    got, expected = numpy.asarray(got, dtype="float64"), numpy.asarray(expected, dtype="float64")
    assert got.shape == expected.shape, f"{what}: {got.shape} is not {expected.shape}"
    assert not numpy.isnan(got).any(), (
        f"{what}: {int(numpy.isnan(got).sum())} of {got.size} elements were not written, or are NaN"
    )
    scale = max(numpy.abs(expected).max(initial=0), 1e-30)
    worst = numpy.abs(got - expected).max(initial=0) / scale
    assert worst <= tolerance, f"{what}: off by {worst:.2e} of the largest element"


def same(got, expected, what=""):
    assert got.dtype == expected.dtype and got.shape == expected.shape, f"{what}: {got.dtype} {got.shape}"
    wrong = numpy.flatnonzero(got.view("u1") != numpy.ascontiguousarray(expected).view("u1"))
    assert wrong.size == 0, f"{what}: {wrong.size} bytes differ"


def contiguous(shape):
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    return strides


def stretched(shape, result):
    """The strides of an operand of `shape` in a broadcast to `result`."""
    strides = contiguous(shape)
    padding = len(result) - len(shape)
    return [0] * padding + [0 if size == 1 else stride for size, stride in zip(shape, strides)]
