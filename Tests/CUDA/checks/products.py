"""Products of matrices by cuBLAS."""

import ctypes

import numpy
from gpu import Double, Index, Single

from .checking import check, near


@check
def products_of_matrices(gpu, random):
    blas = ctypes.c_void_p()
    gpu.blas.cublasCreate_v2(ctypes.byref(blas))
    gpu.blas.cublasSetStream_v2(blas, gpu.stream)
    address = lambda x: ctypes.c_void_p(x.address)  # noqa: E731
    for name, dtype, number, tolerance in (
        ("cublasSgemmStridedBatched", "float32", Single, 1e-6),
        ("cublasDgemmStridedBatched", "float64", Double, 1e-14),
    ):
        a, b = random.normal(0, 1, (2, 5, 7)).astype(dtype), random.normal(0, 1, (2, 7, 3)).astype(dtype)
        x, w, y = gpu.array(a), gpu.array(b), gpu.empty((2, 5, 3), dtype)
        one, zero = ctypes.byref(number(1)), ctypes.byref(number(0))
        # Row by row, c = a · b is column by column c' = b' · a'.
        left, right, result = (address(w), 3, Index(21)), (address(x), 7, Index(35)), (address(y), 3, Index(15))
        code = getattr(gpu.blas, name)(blas, 0, 0, 3, 5, 7, one, *left, *right, zero, *result, 2)
        assert code == 0
        near(gpu.read(y), a.astype("float64") @ b, tolerance, f"product {dtype}")
    # The same of rounded factors: for TF32 13 bits of a float are rounded away, for bfloat16 16, to the nearest even one.
    for computing, bits in ((77, 13), (75, 16)):
        a, b = random.normal(0, 1, (2, 5, 7)).astype("float32"), random.normal(0, 1, (2, 7, 3)).astype("float32")
        x, w, y = gpu.array(a), gpu.array(b), gpu.empty((2, 5, 3))
        code = gpu.blas.cublasGemmStridedBatchedEx(
            blas, 0, 0, 3, 5, 7, ctypes.byref(Single(1)), address(w), 0, 3, Index(21), address(x), 0, 7, Index(35),
            ctypes.byref(Single(0)), address(y), 0, 3, Index(15), 2, computing, -1)
        assert code == 0
        rounded = [numpy.rint(v / (unit := 2.0 ** (numpy.floor(numpy.log2(abs(v))) - 23 + bits))) * unit
                   for v in (a.astype("float64"), b.astype("float64"))]
        near(gpu.read(y), rounded[0] @ rounded[1], 1e-6, f"product by {computing}")
        assert abs(gpu.read(y) - a.astype("float64") @ b).max() > 1e-5
