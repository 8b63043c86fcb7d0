"""Products of matrices by cuBLAS."""

import ctypes

from gpu import Single

from .checking import check, near


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
