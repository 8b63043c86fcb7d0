"""Every family of kernels against NumPy, at sizes that leave tails. Run by test_kernels.py in three orders of the
threads and, as a program, under a sanitizer: python kernel_checks.py FOLDER BLOCK ORDER.

`same` wants the same bits. Tolerances of `near` are relative to the largest magnitude of the reference, which is
computed in double precision: 1e-6 is 16 roundings of a float32 (2^-24 each), 1e-5 what a sum of some hundred terms
collects.
"""

import math
import sys
from pathlib import Path

import numpy
from numpy.lib.stride_tricks import sliding_window_view

sys.path.insert(0, str(Path(__file__).parent))
from gpu import GPU, Broadcast, Convolution, Double, Index, Int, Parameter, Pooling, Single  # noqa: E402
import ctypes  # noqa: E402

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


@check
def powers_of_pairs(gpu, random):
    a, b = random.uniform(0.1, 3, 300).astype("float32"), random.uniform(-2, 2, 300).astype("float32")
    y = gpu.empty(300)
    gpu.launch(
        "elementwise", "power_float32", 2, gpu.array(a), gpu.array(b), y, Index(300), Broadcast.of((300,), (1,), (1,))
    )
    near(gpu.read(y), a.astype("float64") ** b, 2e-6, "power")


@check
def conversions_cut_off_and_end_at_the_range(gpu, random):
    values = numpy.array(
        [0, 1, -1, 2.5, -2.5, 255, 256, 1e20, -1e20, numpy.nan, 3e9, -3e9, 0.4] + list(random.normal(0, 100, 250))
    )
    with numpy.errstate(all="ignore"):
        single = values.astype("float32")
    y = {
        name: gpu.empty(values.size, dtype)
        for name, dtype in (
            ("int32", "int32"),
            ("uint8", "uint8"),
            ("bool", "uint8"),
            ("float64", "float64"),
            ("bfloat16", "uint16"),
        )
    }
    x = gpu.array(single)
    for name, to in y.items():
        gpu.launch("conversion", f"float32_to_{name}", 1, x, to, Index(values.size))
    double = single.astype("float64")
    whole = numpy.where(numpy.isnan(double), 0, numpy.trunc(double))
    same(gpu.read(y["int32"]), numpy.clip(whole, -(2**31), 2**31 - 1).astype("int64").astype("int32"), "int32")
    same(
        gpu.read(y["uint8"]),
        numpy.clip(numpy.where(numpy.isnan(double), 0, numpy.trunc(numpy.clip(double, 0, 255))), 0, 255).astype(
            "uint8"
        ),
        "uint8",
    )
    same(gpu.read(y["bool"]), (single != 0).astype("uint8"), "bool")
    same(gpu.read(y["float64"]), double, "float64")
    bits = single.view("uint32").astype("uint64")
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("uint16")
    same(gpu.read(y["bfloat16"]), numpy.where(numpy.isnan(single), 0x7FC0, rounded).astype("uint16"), "bfloat16")
    back = gpu.empty(values.size)
    gpu.launch("conversion", "bfloat16_to_float32", 1, y["bfloat16"], back, Index(values.size))
    got = gpu.read(back)
    known = ~numpy.isnan(single)
    same(got[known], (rounded.astype("uint32") << 16).view("float32")[known], "bfloat16 and back")


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
            y = gpu.empty(x.shape, dtype)
            gpu.launch(
                "reductions", f"cumulative_sum_{dtype}", 2, on_device, y, Index(outer), Index(size), Index(inner)
            )
            near(gpu.read(y), x.astype("float64").cumsum(1), 20 * tolerance, "cumulative_sum")


@check
def softmax_of_rows_and_columns(gpu, random):
    for outer, size, inner in ((64, 10, 1), (3, 257, 1), (2, 5, 7)):
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
                if inner == 1:
                    gpu.launch(
                        "softmax",
                        f"softmax_rows_{dtype}",
                        2,
                        on_device,
                        y,
                        Index(outer),
                        Index(size),
                        Int(is_logarithm),
                    )
                    near(gpu.read(y), expected, tolerance, f"softmax_rows {x.shape}")


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


def convolution(x, weight, bias, stride, padding, dilation, groups):
    """The textbook's sums, in double precision, and a function that gives the gradients."""
    x, weight = x.astype("float64"), weight.astype("float64")
    padded = numpy.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    kh, kw = weight.shape[2:]
    oh = (padded.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (padded.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    ins, outs = x.shape[1] // groups, weight.shape[0] // groups
    y = numpy.zeros((x.shape[0], weight.shape[0], oh, ow))

    def taps():
        for v in range(kh):
            for u in range(kw):
                yield (
                    v,
                    u,
                    (
                        slice(v * dilation[0], v * dilation[0] + stride[0] * (oh - 1) + 1, stride[0]),
                        slice(u * dilation[1], u * dilation[1] + stride[1] * (ow - 1) + 1, stride[1]),
                    ),
                )

    for g in range(groups):
        for v, u, (rows, columns) in taps():
            y[:, g * outs : (g + 1) * outs] += numpy.einsum(
                "nchw,oc->nohw",
                padded[:, g * ins : (g + 1) * ins, rows, columns],
                weight[g * outs : (g + 1) * outs, :, v, u],
            )
    if bias is not None:
        y += bias.astype("float64")[:, None, None]

    def back(dy):
        dx, dw = numpy.zeros(padded.shape), numpy.zeros(weight.shape)
        for g in range(groups):
            part = dy[:, g * outs : (g + 1) * outs]
            for v, u, (rows, columns) in taps():
                dw[g * outs : (g + 1) * outs, :, v, u] = numpy.einsum(
                    "nohw,nchw->oc", part, padded[:, g * ins : (g + 1) * ins, rows, columns]
                )
                dx[:, g * ins : (g + 1) * ins, rows, columns] += numpy.einsum(
                    "nohw,oc->nchw", part, weight[g * outs : (g + 1) * outs, :, v, u]
                )
        return dx[:, :, padding[0] : padding[0] + x.shape[2], padding[1] : padding[1] + x.shape[3]], dw

    return y, back


@check
def convolutions(gpu, random):
    rows, columns = (32, 128) if gpu.block == 256 else (16, 64)
    for batch, inputs, size, outputs, kernel, stride, padding, dilation, groups in (
        (2, 1, 9, 20, 5, (1, 1), (0, 0), (1, 1), 1),
        (3, 4, 7, 33, 3, (1, 1), (1, 1), (1, 1), 1),
        (2, 6, 11, 4, 3, (2, 3), (1, 2), (1, 1), 2),
        (1, 2, 12, 3, 3, (1, 1), (2, 0), (2, 3), 1),
        (2, 5, 6, 7, 1, (1, 1), (0, 0), (1, 1), 1),
    ):
        x = random.normal(0, 1, (batch, inputs, size, size + 2)).astype("float32")
        weight = random.normal(0, 1, (outputs, inputs // groups, kernel, kernel)).astype("float32")
        bias = random.normal(0, 1, outputs).astype("float32")
        expected, back = convolution(x, weight, bias, stride, padding, dilation, groups)
        oh, ow = expected.shape[2:]
        s = Convolution(
            batch, inputs, size, size + 2, outputs, kernel, kernel, groups, *stride, *padding, *dilation, oh, ow
        )
        for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
            a, w, b = (gpu.array(v.astype(dtype)) for v in (x, weight, bias))
            y = gpu.empty(expected.shape, dtype)
            tiles = lambda m, n, z: (-(-n // columns), -(-m // rows), z)  # noqa: E731
            grid = tiles(outputs // groups, batch * oh * ow, groups)
            gpu.launch("convolution", f"convolution_{dtype}", grid, a, w, b, y, s, Int(0))
            near(gpu.read(y), expected, tolerance, f"convolution {stride} {dtype}")
            gpu.launch("convolution", f"convolution_{dtype}", grid, a, w, None, y, s, Int(1))
            near(
                gpu.read(y),
                numpy.maximum(expected - bias.astype("float64")[:, None, None], 0),
                tolerance,
                "with ReLU, without bias",
            )
            dy = random.normal(0, 1, expected.shape).astype(dtype)
            dx_expected, dw_expected = back(dy.astype("float64"))
            d, dx = gpu.array(dy), gpu.empty(x.shape, dtype)
            gpu.launch(
                "convolution",
                f"convolution_data_{dtype}",
                tiles(inputs // groups, batch * size * (size + 2), groups),
                d,
                w,
                dx,
                s,
            )
            near(gpu.read(dx), dx_expected, tolerance, f"convolution_data {dtype}")
            pixels, piece = batch * oh * ow, 50
            pieces = -(-pixels // piece)
            parts, dw = gpu.empty((pieces, *weight.shape), dtype), gpu.empty(weight.shape, dtype)
            gpu.launch(
                "convolution",
                f"convolution_weights_{dtype}",
                tiles(outputs // groups, inputs // groups * kernel**2, groups * pieces),
                a,
                d,
                parts,
                s,
                Index(piece),
            )
            gpu.launch(
                "reductions",
                f"sum_columns_{dtype}",
                1,
                parts,
                dw,
                Index(1),
                Index(pieces),
                Index(weight.size),
                Index(pieces),
            )
            near(gpu.read(dw), dw_expected, 3 * tolerance, f"convolution_weights {dtype}")
            # Unfolding: what a product of matrices by cuBLAS works on.
            patch = inputs // groups * kernel**2
            unfolded = gpu.empty((patch, batch * oh * ow), dtype)
            whole = gpu.empty(x.shape, dtype)
            for group in range(groups):
                gpu.launch("convolution", f"unfolded_{dtype}", 2, a, unfolded, s, Int(group), Int(0), Int(batch))
                filters = (
                    weight[group * (outputs // groups) : (group + 1) * (outputs // groups)]
                    .astype("float64")
                    .reshape(-1, patch)
                )
                product = (filters @ gpu.read(unfolded).astype("float64")).reshape(-1, batch, oh, ow).swapaxes(0, 1)
                part = (expected - bias.astype("float64")[:, None, None])[
                    :, group * (outputs // groups) : (group + 1) * (outputs // groups)
                ]
                near(product, part, tolerance, "unfolded")
                slope = (
                    dy[:, group * (outputs // groups) : (group + 1) * (outputs // groups)]
                    .swapaxes(0, 1)
                    .reshape(-1, batch * oh * ow)
                )
                taken = gpu.array((filters.T @ slope.astype("float64")).astype(dtype))
                gpu.launch("convolution", f"folded_{dtype}", 2, taken, whole, s, Int(group), Int(0), Int(batch))
            near(gpu.read(whole), dx_expected, tolerance, "folded")


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


@check
def optimizers(gpu, random):
    sizes = (300, 7)
    start = [random.normal(0, 1, n) for n in sizes]
    slopes = [[random.normal(0, 1, n) for n in sizes] for _ in range(3)]

    def run(kernel, settings, state_size, *more, before=None):
        values = [gpu.array(v.astype("float32")) for v in start]
        gradients = [gpu.empty(n) for n in sizes]
        states = [gpu.array(numpy.zeros(state_size(n), "float32")) for n in sizes]
        table = numpy.frombuffer(
            b"".join(
                bytes(Parameter(v.address, g.address, s.address, n))
                for v, g, s, n in zip(values, gradients, states, sizes)
            ),
            "uint8",
        )
        parameters, numbers, steps = (
            gpu.array(table),
            gpu.array(numpy.array(settings, "float32")),
            gpu.empty(len(sizes)),
        )
        for slope in slopes:
            for gradient, value in zip(gradients, slope):
                single = value.astype("float32")
                gpu.call(
                    "cuMemcpyHtoDAsync_v2",
                    ctypes.c_uint64(gradient.address),
                    single.ctypes.data_as(ctypes.c_void_p),
                    ctypes.c_size_t(single.nbytes),
                    gpu.stream,
                )
            if before:
                gpu.launch("optimizers", before, 1, parameters, steps, Int(len(sizes)))
            gpu.launch(
                "optimizers",
                kernel,
                (2, len(sizes), 1),
                parameters,
                numbers,
                *([steps] if before else []),
                *map(Int, more),
            )
        return [gpu.read(v) for v in values]

    def reference(step):
        results = []
        for index in range(len(sizes)):
            w, state = start[index].copy(), {}
            for number, slope in enumerate(slopes, 1):
                w = step(w, slope[index], state, number)
            results.append(w)
        return results

    rate, momentum, decay = 0.1, 0.9, 0.01

    def sgd(nesterov):
        def step(w, g, state, _):
            g = g + decay * w
            state["m"] = momentum * state.get("m", 0) + g
            return w - rate * (g + momentum * state["m"] if nesterov else state["m"])

        return step

    def ada_grad(w, g, state, _):
        g = g + decay * w
        state["s"] = state.get("s", 0) + g * g
        return w - rate * g / (numpy.sqrt(state["s"]) + 1e-10)

    def rms_prop(w, g, state, _):
        g = g + decay * w
        state["s"] = 0.99 * state.get("s", 0) + 0.01 * g * g
        return w - rate * g / (numpy.sqrt(state["s"]) + 1e-8)

    def ada_delta(w, g, state, _):
        g = g + decay * w
        state["s"] = 0.9 * state.get("s", 0) + 0.1 * g * g
        d = numpy.sqrt(state.get("t", 0) + 1e-6) / numpy.sqrt(state["s"] + 1e-6) * g
        state["t"] = 0.9 * state.get("t", 0) + 0.1 * d * d
        return w - rate * d

    def ftrl(w, g, state, _):
        lasso, ridge, beta = 0.1, 0.2, 1.0
        n = state.get("n", 0 * w)
        z = state.get("z", -w * (beta / rate + ridge) - numpy.sign(w) * lasso)
        state["n"] = n + g * g
        state["z"] = z + g - (numpy.sqrt(state["n"]) - numpy.sqrt(n)) / rate * w
        return numpy.where(
            numpy.abs(state["z"]) <= lasso,
            0,
            -(state["z"] - numpy.sign(state["z"]) * lasso) / ((beta + numpy.sqrt(state["n"])) / rate + ridge),
        )

    def adam(decoupled):
        def step(w, g, state, number):
            if decoupled:
                w = w * (1 - rate * decay)
            else:
                g = g + decay * w
            state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
            state["s"] = 0.999 * state.get("s", 0) + 0.001 * g * g
            return w - rate * state["m"] / (1 - 0.9**number) / (numpy.sqrt(state["s"] / (1 - 0.999**number)) + 1e-8)

        return step

    one, two, counted = (lambda n: n), (lambda n: 2 * n), (lambda n: 2 * n + 1)
    for name, got, expected in (
        ("momentum", run("momentum_step", [rate, momentum, decay], one, 0), reference(sgd(False))),
        ("nesterov", run("momentum_step", [rate, momentum, decay], one, 1), reference(sgd(True))),
        ("ada_grad", run("ada_grad_step", [rate, 1e-10, decay], one), reference(ada_grad)),
        ("rms_prop", run("rms_prop_step", [rate, 0.99, 1e-8, decay], one), reference(rms_prop)),
        ("ada_delta", run("ada_delta_step", [rate, 0.9, 1e-6, decay], two), reference(ada_delta)),
        ("ftrl", run("ftrl_step", [rate, 1.0, 0.1, 0.2], counted, before="mark_begun"), reference(ftrl)),
        (
            "adam",
            run("adam_step", [rate, 0.9, 0.999, 1e-8, decay], counted, 0, before="count_step"),
            reference(adam(False)),
        ),
        (
            "adam_w",
            run("adam_step", [rate, 0.9, 0.999, 1e-8, decay], counted, 1, before="count_step"),
            reference(adam(True)),
        ),
    ):
        for one_got, one_expected in zip(got, expected):
            # The formulas divide by sums of squares rounded to float32 and 1 - 0.999 loses 10 bits: 1e-5.
            near(one_got, one_expected, 1e-5, name)


MASK = 0xFFFFFFFF


def philox(key, counter):
    """Ten rounds, after the paper."""
    x, (k0, k1) = list(counter), (key & MASK, key >> 32)
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(b >> 32) ^ x[1] ^ k0, b & MASK, (a >> 32) ^ x[3] ^ k1, a & MASK]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return x


@check
def random_numbers_have_the_processors_bits(gpu, random):
    # The paper's own test vector, in Random123's known answers: counter and key of ones.
    assert philox(2**64 - 1, [MASK] * 4) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    key, start = 0x0123456789ABCDEF, 6
    words = [w for block in range(400) for w in philox(key, [block, 0, 0, 0])]
    state = gpu.array(numpy.array([key, start], "uint64"))
    for count in (1, 257, 700):
        y = gpu.empty(count)
        gpu.launch("random", "uniform", 2, y, Index(count), state, Single(-1), Single(3))
        units = numpy.array([w >> 8 for w in words[start : start + count]], "float32") * numpy.float32(2.0**-24)
        same(gpu.read(y), numpy.float32(-1) + numpy.float32(3) * units, f"uniform {count}")
    for count in (1, 300, 301):
        y = gpu.empty(count)
        gpu.launch("random", "normal", 1, y, Index(count), state, Double(2), Double(0.5))
        pairs = (count + 1) // 2
        units = [((words[start + 2 * k] | words[start + 2 * k + 1] << 32) >> 11) * 2.0**-53 for k in range(2 * pairs)]
        expected = []
        for k in range(pairs):
            radius, angle = math.sqrt(-2 * math.log(1 - units[2 * k])) * 0.5, 2 * math.pi * units[2 * k + 1]
            expected += [2 + radius * math.cos(angle), 2 + radius * math.sin(angle)]
        # Here both sides call the same libm; a card's own log and cos may differ in the last bit of a double.
        same(gpu.read(y), numpy.array(expected[:count], "float32"), f"normal {count}")
    gpu.launch("random", "advance", 1, state, ctypes.c_uint64(300))
    assert list(gpu.read(state)) == [key, start + 300]
    counter, into = gpu.array(numpy.array([41], "uint64")), gpu.empty(2, "uint64")
    gpu.launch("random", "split", 1, state, counter, into)
    drawn = philox(key, [42, 0, 1, 0])
    assert list(gpu.read(into)) == [drawn[0] | drawn[1] << 32, 0] and gpu.read(counter)[0] == 42


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
        gpu.launch(
            "indexing",
            f"scattered_{dtype}",
            2,
            gpu.array(dy),
            places,
            dx,
            Index(outer),
            Index(size),
            Index(40),
            Index(inner),
        )
        near(gpu.read(dx), expected, tolerance, "scattered")
        hot = gpu.empty((40, size), dtype)
        gpu.launch("indexing", f"one_hot_{dtype}", 1, places, hot, Index(40), Index(size))
        same(gpu.read(hot), numpy.eye(size, dtype=dtype)[positions], "one_hot")
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


@check
def batches_come_from_bytes(gpu, random):
    images, channels, area, batch = 50, 3, 20, 16
    pixels = random.integers(0, 256, (images, channels, area)).astype("uint8")
    labels, order = random.integers(0, 10, images).astype("int32"), random.permutation(images).astype("int32")
    mean, deviation = numpy.array([0.4, 0.5, 0.6]), numpy.array([0.2, 0.3, 0.25])
    scales, offsets = (1 / (255 * deviation)).astype("float32"), (-mean / deviation).astype("float32")
    p, o, t = gpu.array(pixels), gpu.array(order), gpu.array(labels)
    a, b, cursor = gpu.array(scales), gpu.array(offsets), gpu.array(numpy.array([0], "uint64"))
    y, z = gpu.empty((batch, channels, area)), gpu.empty(batch, "int32")
    for start in range(0, images, batch):
        gpu.launch(
            "datasets",
            "batch_images",
            2,
            p,
            o,
            cursor,
            a,
            b,
            y,
            Index(images),
            Index(batch),
            Index(channels),
            Index(area),
        )
        gpu.launch("datasets", "batch_labels", 1, t, o, cursor, z, Index(images), Index(batch))
        gpu.launch("datasets", "advance_cursor", 1, cursor, ctypes.c_uint64(batch))
        taken = order[start : start + batch]
        expected = numpy.zeros((batch, channels, area), "float32")
        expected[: len(taken)] = pixels[taken].astype("float32") * scales[:, None] + offsets[:, None]
        same(gpu.read(y), expected, f"images from {start}")
        same(gpu.read(z), numpy.concatenate([labels[taken], numpy.zeros(batch - len(taken), "int32")]), "labels")


@check
def products_of_matrices(gpu, random):
    blas = ctypes.c_void_p()
    gpu.blas.cublasCreate_v2(ctypes.byref(blas))
    gpu.blas.cublasSetStream_v2(blas, gpu.stream)
    a, b = random.normal(0, 1, (5, 7)).astype("float32"), random.normal(0, 1, (7, 3)).astype("float32")
    y = gpu.empty((5, 3))
    # Row by row, c = a · b is column by column c' = b' · a'.
    one, zero = Single(1), Single(0)
    address = lambda x: ctypes.c_void_p(x.address)  # noqa: E731
    x, w = gpu.array(a), gpu.array(b)
    code = gpu.blas.cublasSgemm_v2(
        blas, 0, 0, 3, 5, 7, ctypes.byref(one), address(w), 3, address(x), 7, ctypes.byref(zero), address(y), 3
    )
    assert code == 0
    near(gpu.read(y), a.astype("float64") @ b, 1e-6, "product")


def run_all(gpu, seed):
    for one in CHECKS:
        one(gpu, numpy.random.default_rng(seed))


if __name__ == "__main__":
    folder, block, order = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    import os

    os.environ["SIMULATED_GPU_ORDER"] = order
    device = GPU(folder, block)
    chosen = sys.argv[4:] or [one.__name__ for one in CHECKS]
    for one in CHECKS:
        if one.__name__ in chosen:
            one(device, numpy.random.default_rng(1))
    print(f"{len(chosen)} families hold")
