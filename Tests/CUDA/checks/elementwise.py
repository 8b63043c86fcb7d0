"""Functions of single elements and of pairs."""

import math

import numpy
from gpu import Broadcast, Double, Index

from .checking import check, near, same, stretched

ERF = numpy.vectorize(math.erf)
UNARY = {
    "negative": numpy.negative,
    "exp": numpy.exp,
    "sin": numpy.sin,
    "cos": numpy.cos,
    "squared": numpy.square,
    "magnitude": numpy.abs,
    "sign": numpy.sign,
    "floor": numpy.floor,
    "ceil": numpy.ceil,
    "truncated": numpy.trunc,
    "rounded": numpy.rint,
    "erf": ERF,
    "tanh": numpy.tanh,
    "relu": lambda x: numpy.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "linear": lambda x: 1.5 * x + 0.25,
    "clamped": lambda x: numpy.clip(x, -0.5, 0.75),
}
POSITIVE = {
    "log": numpy.log,
    "log1p": numpy.log1p,
    "square_root": numpy.sqrt,
    "power_number": lambda x: numpy.power(x, 1.5),
}
NUMBERS = {"linear": (1.5, 0.25), "clamped": (-0.5, 0.75), "power_number": (1.5, 0)}
BINARY = {
    "add": numpy.add,
    "subtract": numpy.subtract,
    "multiply": numpy.multiply,
    "divide": numpy.divide,
    "remainder": numpy.fmod,
    "maximum": numpy.maximum,
    "minimum": numpy.minimum,
    "where_positive": lambda a, b: numpy.where(b > 0, a, 0),
    "where_nonzero": lambda a, b: numpy.where(a != 0, b, 0),
    "where_zero": lambda a, b: numpy.where(a == 0, b, 0),
}
CONDITIONS = {
    "equal": numpy.equal,
    "not_equal": numpy.not_equal,
    "less": numpy.less,
    "less_or_equal": numpy.less_equal,
    "greater": numpy.greater,
    "greater_or_equal": numpy.greater_equal,
    "both": numpy.logical_and,
    "either": numpy.logical_or,
}


@check
def functions_of_elements(gpu, random):
    for count in (1, 255, 1000):
        for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
            x = random.normal(0, 2, count).astype(dtype)
            for table, values in ((UNARY, x), (POSITIVE, numpy.abs(x) + dtype_small(dtype))):
                on_device, y = gpu.array(values), gpu.empty(count, dtype)
                for name, reference in table.items():
                    p, q = NUMBERS.get(name, (0, 0))
                    gpu.launch("elementwise", f"{name}_{dtype}", 3, on_device, y, Index(count), Double(p), Double(q))
                    near(gpu.read(y), reference(values.astype("float64")), tolerance, f"{name} {dtype} of {count}")


def dtype_small(dtype):
    return numpy.dtype(dtype).type(0.01)


@check
def pairs_of_elements_are_broadcast(gpu, random):
    shapes = [((7,), (7,)), ((), (300,)), ((5, 1), (1, 9)), ((2, 3, 4, 5), (3, 1, 5)), ((257,), (1,))]
    for left, right in shapes:
        result = numpy.broadcast_shapes(left, right)
        count = int(numpy.prod(result))
        plan = Broadcast.of(result, stretched(left, result), stretched(right, result))
        for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-15)):
            # Whole numbers among them, so that some are equal and some are 0.
            a = numpy.asarray(numpy.rint(random.normal(0, 2, left)), dtype)
            b = numpy.asarray(numpy.rint(random.normal(0, 2, right)), dtype)
            divisor = numpy.where(b == 0, numpy.asarray(3, dtype), b)
            x, y, z = gpu.array(a), gpu.array(b), gpu.array(divisor)
            to, mask = gpu.empty(result, dtype), gpu.empty(result, "uint8")
            for name, reference in BINARY.items():
                with_ = (z, divisor) if name in ("divide", "remainder") else (y, b)
                gpu.launch("elementwise", f"{name}_{dtype}", 2, x, with_[0], to, Index(count), plan)
                expected = numpy.broadcast_to(reference(a.astype("float64"), with_[1].astype("float64")), result)
                near(gpu.read(to), expected, tolerance, f"{name} {dtype} {left} {right}")
            for name, reference in CONDITIONS.items():
                gpu.launch("elementwise", f"{name}_{dtype}", 2, x, y, mask, Index(count), plan)
                same(gpu.read(mask), numpy.broadcast_to(reference(a, b), result).astype("uint8"), name)


@check
def nan_is_never_lost(gpu, random):
    a, b = numpy.array([numpy.nan, 1, 2, numpy.nan], "float32"), numpy.array([1, numpy.nan, 3, numpy.nan], "float32")
    x, z, y, plan = gpu.array(a), gpu.array(b), gpu.empty(4), Broadcast.of((4,), (1,), (1,))
    for kernel, reference in (("maximum", numpy.maximum), ("minimum", numpy.minimum)):
        gpu.launch("elementwise", f"{kernel}_float32", 1, x, z, y, Index(4), plan)
        numpy.testing.assert_array_equal(gpu.read(y), reference(a, b))
    gpu.launch("elementwise", "relu_float32", 1, x, y, Index(4), Double(0), Double(0))
    numpy.testing.assert_array_equal(gpu.read(y), numpy.maximum(a, 0))
    gpu.launch("elementwise", "clamped_float32", 1, x, y, Index(4), Double(0), Double(1.5))
    numpy.testing.assert_array_equal(gpu.read(y), numpy.clip(a, 0, 1.5))
    one, place = gpu.empty(1), gpu.empty(1, "int32")
    for values in ([3, numpy.nan, 5], [numpy.nan, 5, numpy.nan], [5, 4, numpy.nan]):
        row = numpy.array(values, "float32")
        for kernel in ("largest", "smallest"):
            gpu.launch(
                "reductions", f"{kernel}_float32", 1, gpu.array(row), one, Index(1), Index(3), Index(1), Index(3)
            )
            assert numpy.isnan(gpu.read(one)[0]), f"{kernel} of {values}"
        for kernel in ("argmax", "argmin"):
            gpu.launch("reductions", f"{kernel}_float32", 1, gpu.array(row), place, Index(1), Index(3), Index(1))
            assert gpu.read(place)[0] == numpy.argmax(row), f"{kernel} of {values}"
            # Among others, in one thread of a block after the other.
            for at in (0, 255, 256):
                long = numpy.concatenate([numpy.full(at, 4, "float32"), row, numpy.full(300, 4, "float32")])
                gpu.launch(
                    "reductions",
                    f"{kernel}_blocks_float32",
                    1,
                    gpu.array(long),
                    place,
                    Index(1),
                    Index(len(long)),
                    Index(1),
                )
                assert gpu.read(place)[0] == numpy.argmax(long), f"{kernel} of {values} at {at}"


@check
def powers_of_pairs(gpu, random):
    a, b = random.uniform(0.1, 3, 300).astype("float32"), random.uniform(-2, 2, 300).astype("float32")
    y = gpu.empty(300)
    gpu.launch(
        "elementwise", "power_float32", 2, gpu.array(a), gpu.array(b), y, Index(300), Broadcast.of((300,), (1,), (1,))
    )
    near(gpu.read(y), a.astype("float64") ** b, 2e-6, "power")
