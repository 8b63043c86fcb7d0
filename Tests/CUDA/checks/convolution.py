"""Convolutions and their gradients against the textbook's sums."""

import numpy
from gpu import Convolution, Index, Int

from .checking import check, near


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
            if dtype == "float32":
                # What follows a product by cuBLAS.
                y, plain = gpu.array(expected.astype(dtype)), expected.astype(dtype) + bias[:, None, None]
                gpu.launch("convolution", "finished_float32", 2, y, b, Index(y.nbytes // 4), Int(outputs), Int(oh * ow), Int(1))
                near(gpu.read(y), numpy.maximum(plain, 0), 1e-7, "an offset and ReLU")
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
