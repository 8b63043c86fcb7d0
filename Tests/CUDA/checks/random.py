"""Random numbers to the processor's bits."""

import ctypes
import math

import numpy
from gpu import Double, Index, Single

from .checking import check, same

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
