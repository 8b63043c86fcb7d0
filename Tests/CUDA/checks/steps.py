"""What a training step that the GPU repeats by itself needs besides its own kernels."""

import numpy
from gpu import Index

from .checking import check, same


@check
def steps_find_their_numbers_and_leave_their_losses(gpu, random):
    # The plan of steps.cu: number and cursor, rates of 64 steps, the keys of each step.
    rates, keys = random.random(64).astype("float32"), random.integers(0, 2**62, (64, 3)).astype("uint64")
    header = numpy.array([5, 7], "uint64")
    plan = gpu.array(numpy.concatenate([header, rates.view("uint64"), keys.reshape(-1)]))
    settings, drawn = gpu.empty(4), [gpu.empty(2, "uint64") for _ in range(3)]
    second = settings.address + 8
    places = gpu.array(numpy.array([2, 3, settings.address, second, *(one.address for one in drawn)], "uint64"))
    totals = gpu.array(numpy.zeros(3))
    losses = [1.5, 0.1, numpy.inf, 2.0, numpy.nan]
    for number, value in enumerate(losses):
        gpu.launch("steps", "begin_step", 1, plan, places)
        same(gpu.read(settings)[[0, 2]], numpy.array([rates[5 + number]] * 2), "learning rates")
        for index, place in enumerate(drawn):
            same(gpu.read(place)[:1], keys[5 + number, index : index + 1], "keys")
        dtype = "float32" if number % 2 else "float64"
        loss = gpu.array(numpy.array([value], dtype))
        gpu.launch("steps", f"end_step_{dtype}", 2, loss, plan, totals, Index(10))
        expected = [sum(losses[: number + 1]), number + 1, 3 if number >= 2 else 0]
        if number == 1:
            expected[0] = 1.5 + float(numpy.float32(0.1))
        if number < 4:
            same(gpu.read(totals), numpy.array(expected), "losses")
    assert numpy.isnan(gpu.read(totals)[0]) and gpu.read(totals)[2] == 3
    same(gpu.read(plan)[:2], header + numpy.array([5, 50], "uint64"), "number and cursor")
