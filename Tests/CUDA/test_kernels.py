"""Every family of kernels gives NumPy's numbers in whatever order threads run, and the sanitizers find nothing."""

import numpy
import pytest
from checks import CHECKS, same


@pytest.mark.parametrize("order", ["ascending", "descending", "random"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_kernels_give_numpys_numbers(device, check, order):
    device.reset(order=order, seed=7)
    check(device, numpy.random.default_rng(5))


def test_no_kernel_touches_memory_that_is_not_its_own(sanitized):
    result = sanitized("address", "kernel_checks.py", "256", "random")
    assert result.returncode == 0, result.stderr[-4000:]
    assert f"{len(CHECKS)} families hold" in result.stdout


def test_no_two_threads_of_a_block_race(sanitized):
    # 64 threads a block: each is a fiber that the sanitizer tells from the others.
    result = sanitized("thread", "kernel_checks.py", "64", "ascending")
    assert result.returncode == 0, result.stderr[-4000:]
    assert f"{len(CHECKS)} families hold" in result.stdout


def test_the_order_of_threads_changes_no_bit(device):
    """Sums have one order, so a run can be resumed exactly."""
    from gpu import Index

    values = numpy.random.default_rng(0).normal(0, 1, 5000).astype("float32")
    results = []
    for order in ("ascending", "descending", "random"):
        device.reset(order=order, seed=1)
        total = device.empty(1)
        device.launch(
            "reductions", "sum_rows_float32", 2, device.array(values), total, Index(1), Index(5000), Index(5000)
        )
        results.append(device.read(total))
    same(results[0], results[1])
    same(results[0], results[2])
