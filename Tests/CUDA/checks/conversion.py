"""From any type of element to any other."""

import numpy
from gpu import Index

from .checking import check, same


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
