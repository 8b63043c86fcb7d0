"""Products of matrices by cuBLAS."""

import ctypes

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
