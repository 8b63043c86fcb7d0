"""Every family of kernels against NumPy, at sizes that leave tails: a file for each."""

from . import (  # noqa: F401
    elementwise,
    conversion,
    reductions,
    softmax,
    convolution,
    pooling,
    normalization,
    optimizers,
    random,
    indexing,
    sorting,
    arranging,
    datasets,
    steps,
    products,
)
from .checking import CHECKS, same  # noqa: F401
