"""One planted defect of each kind fails, so a defect of that kind in the library would. Done right, it passes."""

import ctypes
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from defects import SOURCE, run
from gpu import DriverError, Index

ILLEGAL_ADDRESS, LAUNCH_FAILED, CAPTURE_UNSUPPORTED, CAPTURE_INVALIDATED, CAPTURE_UNJOINED = 700, 719, 900, 901, 904


@pytest.fixture
def gpu(device):
    device.reset(order="ascending", seed=1)
    device.load("defects", SOURCE)
    yield device
    device.reset()


def test_use_after_free(gpu):
    # At random the kernel may run before the memory goes; lazily, as mostly, it comes too late.
    codes = set()
    for seed in range(1, 9):
        gpu.reset(seed=seed)
        try:
            run(gpu, "use_after_free")
        except DriverError as error:
            codes.add(error.code)
            assert "add_one touches memory that is not there" in error.problem
    assert codes == {ILLEGAL_ADDRESS}


def test_an_error_of_a_kernel_stays_until_the_context_is_new(gpu):
    x = gpu.empty(8)
    gpu.launch("defects", "add_one", 1, x, Index(10_000))
    for _ in range(2):
        with pytest.raises(DriverError) as error:
            gpu.wait()
        assert error.value.code == ILLEGAL_ADDRESS


def test_a_write_behind_the_end_is_found_by_the_bytes_there(gpu):
    with pytest.raises(DriverError) as error:
        run(gpu, "write_behind")
    assert error.value.problem == "write_behind writes behind the end of a piece of memory"


def test_a_write_behind_the_end_is_found_by_the_address_sanitizer(sanitized):
    result = sanitized("address", "defects.py", "write_behind", "256")
    assert result.returncode != 0
    assert "heap-buffer-overflow" in result.stderr and "write_behind" in result.stderr


def test_use_after_free_is_found_by_the_address_sanitizer(sanitized):
    result = sanitized("address", "defects.py", "use_after_free", "256")
    assert result.returncode != 0
    assert "heap-use-after-free" in result.stderr and "add_one" in result.stderr


@pytest.mark.parametrize("name", ["copy to device", "copy from device", "copy on device", "fill"])
def test_a_copy_or_a_fill_outside_of_its_memory_is_named(gpu, name):
    x, y, host = gpu.empty(8), gpu.empty(9), (ctypes.c_float * 9)()
    to, source, nine = ctypes.c_uint64(x.address), ctypes.c_uint64(y.address), ctypes.c_size_t(36)
    if name == "copy to device":
        gpu.call("cuMemcpyHtoDAsync_v2", to, host, nine, gpu.stream)
    elif name == "copy from device":
        gpu.call("cuMemcpyDtoHAsync_v2", host, to, nine, gpu.stream)
    elif name == "copy on device":
        gpu.call("cuMemcpyDtoDAsync_v2", to, source, nine, gpu.stream)
    else:
        gpu.call("cuMemsetD32Async", to, 0, ctypes.c_size_t(9), gpu.stream)
    with pytest.raises(DriverError) as error:
        gpu.wait()
    assert error.value.code == ILLEGAL_ADDRESS
    assert error.value.problem == f"a {name} goes outside of the device's memory"


def test_a_missing_barrier_shows_in_one_of_the_orders(gpu):
    x, y = gpu.array(numpy.arange(256, dtype="float32")), gpu.empty(256)
    expected = numpy.roll(numpy.arange(256, dtype="float32"), -1)
    for kernel, isRight in (("with_barrier", True), ("without_barrier", False)):
        for order in ("ascending", "descending", "random"):
            gpu.driver.simulated_set_order(order.encode())
            gpu.launch("defects", kernel, 1, x, y)
            got = gpu.read(y)
            assert (got == expected).all() == isRight, f"{kernel}, {order}"


def test_a_missing_barrier_is_found_by_the_thread_sanitizer(sanitized):
    assert sanitized("thread", "defects.py", "with_barrier", "64").returncode == 0
    result = sanitized("thread", "defects.py", "without_barrier", "64")
    assert result.returncode != 0
    assert "data race" in result.stderr and "without_barrier" in result.stderr


def test_a_barrier_that_some_threads_do_not_reach_is_named(gpu):
    gpu.launch("defects", "barrier_for_some", 1, gpu.empty(256))
    with pytest.raises(DriverError) as error:
        gpu.wait()
    assert error.value.code == LAUNCH_FAILED
    assert "is reached by 10 of the block's 256 threads" in error.value.problem


def test_shared_memory_that_nobody_wrote_is_nan(gpu):
    y = gpu.empty(256)
    gpu.launch("defects", "unwritten", 1, y)
    assert numpy.isnan(gpu.read(y)).all()


def test_a_missing_wait_reads_rubbish(gpu):
    wrong = 0
    for seed in range(1, 9):
        gpu.reset(seed=seed)
        x = gpu.array(numpy.ones(64, "float32"))
        pinned = ctypes.c_void_p()
        gpu.call("cuMemHostAlloc", ctypes.byref(pinned), ctypes.c_size_t(256), 0)
        values = numpy.ctypeslib.as_array(ctypes.cast(pinned, ctypes.POINTER(ctypes.c_float)), (64,))
        gpu.call("cuMemcpyDtoHAsync_v2", pinned, ctypes.c_uint64(x.address), ctypes.c_size_t(256), gpu.stream)
        wrong += not (values == 1).all()
        gpu.wait()
        assert (values == 1).all()
    assert wrong > 0, "at least one of eight seeds is late"


def test_a_pinned_buffer_that_is_filled_again_too_soon_shows(gpu):
    wrong = 0
    for seed in range(1, 9):
        gpu.reset(seed=seed)
        pinned = ctypes.c_void_p()
        gpu.call("cuMemHostAlloc", ctypes.byref(pinned), ctypes.c_size_t(256), 0)
        values = numpy.ctypeslib.as_array(ctypes.cast(pinned, ctypes.POINTER(ctypes.c_float)), (64,))
        x = gpu.empty(64)
        values[:] = 1
        gpu.call("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(x.address), pinned, ctypes.c_size_t(256), gpu.stream)
        values[:] = 2
        wrong += not (gpu.read(x) == 1).all()
    assert wrong > 0


@pytest.mark.parametrize("isAwaited", [True, False])
def test_work_of_two_streams_has_an_order_only_by_an_event(gpu, isAwaited):
    results = set()
    for seed in range(1, 21):
        gpu.reset(seed=seed)
        other, event = gpu.new_stream(), gpu.new_event()
        x = gpu.array(numpy.zeros(8, "float32"))
        gpu.wait()
        gpu.launch("elementwise", "linear_float32", 1, x, x, Index(8), ctypes.c_double(1), ctypes.c_double(1))
        gpu.call("cuEventRecord", event, gpu.stream)
        if isAwaited:
            gpu.call("cuStreamWaitEvent", other, event, 0)
        gpu.launch(
            "elementwise", "linear_float32", 1, x, x, Index(8), ctypes.c_double(10), ctypes.c_double(0), stream=other
        )
        gpu.wait(other)
        results.add(gpu.read(x)[0])
    assert results == ({10.0} if isAwaited else {1.0, 10.0})


def test_the_processor_cannot_read_device_memory(folder):
    result = subprocess.run(
        [sys.executable, Path(__file__).parent / "defects.py", folder, "read_by_the_host", "256"], capture_output=True
    )
    assert result.returncode == -signal.SIGSEGV


def test_stream_0_is_not_used(gpu):
    with pytest.raises(DriverError):
        gpu.call("cuMemsetD8Async", ctypes.c_uint64(gpu.empty(8).address), 0, ctypes.c_size_t(8), None)


# ---- Graphs


def begin(gpu):
    gpu.call("cuStreamBeginCapture_v2", gpu.stream, 1)


def end(gpu):
    graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
    gpu.call("cuStreamEndCapture", gpu.stream, ctypes.byref(graph))
    gpu.call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
    return executable


def test_a_graph_is_replayed_with_what_device_memory_holds_then(gpu):
    x = gpu.array(numpy.zeros(300, "float32"))
    gpu.wait()
    begin(gpu)
    gpu.launch("defects", "add_one", 2, x, Index(300))
    graph = end(gpu)
    assert (gpu.read(x) == 0).all(), "a capture runs nothing"
    for _ in range(3):
        gpu.call("cuGraphLaunch", graph, gpu.stream)
    assert (gpu.read(x) == 3).all()


def test_a_graph_of_two_streams_keeps_their_order(gpu):
    for seed in range(1, 9):
        gpu.reset(seed=seed)
        x, other, event, back = gpu.array(numpy.zeros(8, "float32")), gpu.new_stream(), gpu.new_event(), gpu.new_event()
        gpu.wait()
        linear = lambda p, q, stream: gpu.launch(  # noqa: E731
            "elementwise", "linear_float32", 1, x, x, Index(8), ctypes.c_double(p), ctypes.c_double(q), stream=stream
        )
        begin(gpu)
        linear(1, 1, gpu.stream)
        gpu.call("cuEventRecord", event, gpu.stream)
        gpu.call("cuStreamWaitEvent", other, event, 0)
        linear(10, 0, other)
        gpu.call("cuEventRecord", back, other)
        gpu.call("cuStreamWaitEvent", gpu.stream, back, 0)
        linear(1, 5, gpu.stream)
        gpu.call("cuGraphLaunch", end(gpu), gpu.stream)
        assert (gpu.read(x) == 15).all()


def test_a_capture_that_leaves_another_streams_work_behind_is_refused(gpu):
    x, other, event = gpu.array(numpy.zeros(8, "float32")), gpu.new_stream(), gpu.new_event()
    gpu.wait()
    begin(gpu)
    gpu.call("cuEventRecord", event, gpu.stream)
    gpu.call("cuStreamWaitEvent", other, event, 0)
    gpu.launch("defects", "add_one", 1, x, Index(8), stream=other)
    with pytest.raises(DriverError) as error:
        end(gpu)
    assert error.value.code == CAPTURE_UNJOINED


@pytest.mark.parametrize("call", ["wait", "allocate"])
def test_what_a_capture_does_not_allow_ends_it(gpu, call):
    gpu.wait()
    begin(gpu)
    with pytest.raises(DriverError) as error:
        gpu.wait() if call == "wait" else gpu.empty(8)
    assert error.value.code == CAPTURE_UNSUPPORTED
    with pytest.raises(DriverError) as error:
        end(gpu)
    assert error.value.code == CAPTURE_INVALIDATED
    assert (gpu.read(gpu.array(numpy.ones(4, "float32"))) == 1).all(), "afterwards the stream works"
