"""A GPU by way of the driver's own functions: the simulated one of Tests/SimulatedGPU, through ctypes.

gpu = GPU(folder)
x = gpu.array(numpy.arange(8, dtype="float32"))
gpu.launch("elementwise", "negative_float32", 1, x, x, Index(8), Double(0), Double(0))
gpu.read(x)
"""

import ctypes
import os
import subprocess
from ctypes import (
    c_char_p,
    c_double as Double,
    c_float as Single,
    c_int as Int,
    c_longlong as Index,
    c_size_t,
    c_uint64,
    c_void_p,
)
from pathlib import Path

import numpy

PROJECT = Path(__file__).resolve().parents[2]
KERNELS = PROJECT / "Sources/System/CCUDA/Kernels"
FAMILIES = sorted(path.stem for path in KERNELS.glob("*.cu") if path.stem != "common")
BUILT = PROJECT / ".build/simulated-gpu"


def source(family: str) -> str:
    """What the library hands to NVRTC for a family."""
    parts = [KERNELS / "layouts.h", KERNELS / "common.cu", KERNELS / f"{family}.cu"]
    return "".join(f'#line 1 "{part.name}"\n{part.read_text()}' for part in parts)


def build(sanitizer: str = "") -> Path:
    """The folder with the simulated libraries, built now if they are not."""
    folder = BUILT / (sanitizer or "plain")
    subprocess.run([PROJECT / "Tests/SimulatedGPU/build", folder, *([sanitizer] if sanitizer else [])], check=True)
    return folder


class Broadcast(ctypes.Structure):
    _fields_ = [("rank", Int), ("sizes", Int * 8), ("left", Index * 8), ("right", Index * 8)]

    @classmethod
    def of(cls, shape, left, right):
        """From a shape and the strides of both operands, in elements, outermost first. Axes are not joined."""
        plan = cls(len(shape))
        for axis, (size, a, b) in enumerate(reversed(list(zip(shape, left, right)))):
            plan.sizes[axis], plan.left[axis], plan.right[axis] = size, a, b
        return plan


class Convolution(ctypes.Structure):
    _fields_ = [
        (name, Int)
        for name in (
            "batch",
            "inputs",
            "height",
            "width",
            "outputs",
            "kernel_height",
            "kernel_width",
            "groups",
            "stride_height",
            "stride_width",
            "padding_height",
            "padding_width",
            "dilation_height",
            "dilation_width",
            "output_height",
            "output_width",
        )
    ]


class Pooling(ctypes.Structure):
    _fields_ = [
        (name, Int)
        for name in (
            "planes",
            "height",
            "width",
            "window_height",
            "window_width",
            "stride_height",
            "stride_width",
            "padding_height",
            "padding_width",
            "output_height",
            "output_width",
            "is_adaptive",
        )
    ]


class Parameter(ctypes.Structure):
    _fields_ = [("values", c_uint64), ("gradient", c_uint64), ("state", c_uint64), ("count", Index)]


class DeviceArray:
    def __init__(self, address, shape, dtype):
        self.address, self.shape, self.dtype = address, shape, numpy.dtype(dtype)

    @property
    def nbytes(self):
        return int(numpy.prod(self.shape)) * self.dtype.itemsize


class DriverError(Exception):
    def __init__(self, call, code, problem):
        super().__init__(f"{call} gave {code}: {problem}")
        self.code, self.problem = code, problem


class GPU:
    def __init__(self, folder: Path, block: int = 256):
        self.driver = ctypes.CDLL(str(folder / "libcuda.so.1"))
        self.nvrtc = ctypes.CDLL(str(folder / "libnvrtc.so.13"))
        self.blas = ctypes.CDLL(str(folder / "libcublas.so.13"))
        self.driver.simulated_problem.restype = c_char_p
        self.block = block
        self.modules, self.functions = {}, {}
        self.call("cuInit", 0)
        context = c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)
        self.stream = self.new_stream()

    def call(self, name, *arguments):
        code = getattr(self.driver, name)(*arguments)
        if code:
            raise DriverError(name, code, (self.driver.simulated_problem() or b"").decode())

    def new_stream(self):
        stream = c_void_p()
        self.call("cuStreamCreate", ctypes.byref(stream), 1)
        return stream

    def new_event(self):
        event = c_void_p()
        self.call("cuEventCreate", ctypes.byref(event), 2)
        return event

    def reset(self, **settings):
        """As if the process had just begun, with other settings: order="random", seed=3."""
        for name, value in settings.items():
            os.environ[f"SIMULATED_GPU_{name.upper()}"] = str(value)
        self.driver.simulated_reset()

    def compile(self, text: str, name: str = "test") -> bytes:
        program = c_void_p()
        self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), f"{name}.cu".encode(), 0, None, None)
        options = [b"--gpu-architecture=sm_90", b"--std=c++17", f"-DBLOCK={self.block}".encode()]
        code = self.nvrtc.nvrtcCompileProgram(program, len(options), (c_char_p * len(options))(*options))
        size = c_size_t()
        if code:
            self.nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            self.nvrtc.nvrtcGetProgramLog(program, log)
            raise AssertionError(f"{name} does not compile:\n{log.value.decode()}")
        self.nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
        image = ctypes.create_string_buffer(size.value)
        self.nvrtc.nvrtcGetCUBIN(program, image)
        self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
        return image.raw

    def load(self, family: str, text: str | None = None):
        if family not in self.modules:
            module = c_void_p()
            self.call(
                "cuModuleLoadDataEx", ctypes.byref(module), self.compile(text or source(family), family), 0, None, None
            )
            self.modules[family] = module
        return self.modules[family]

    def function(self, family: str, kernel: str):
        if (family, kernel) not in self.functions:
            function = c_void_p()
            self.call("cuModuleGetFunction", ctypes.byref(function), self.load(family), kernel.encode())
            self.functions[family, kernel] = function
        return self.functions[family, kernel]

    def launch(self, family: str, kernel: str, grid, *arguments, stream=None):
        """`grid` is the number of blocks or three of them; an argument is a device array or a ctypes value."""
        grid = grid if isinstance(grid, tuple) else (grid, 1, 1)
        held = [
            c_uint64(a.address) if isinstance(a, DeviceArray) else a if a is not None else c_uint64(0)
            for a in arguments
        ]
        pointers = (c_void_p * len(held))(*[ctypes.cast(ctypes.byref(a), c_void_p) for a in held])
        self.call(
            "cuLaunchKernel",
            self.function(family, kernel),
            *grid,
            self.block,
            1,
            1,
            0,
            stream or self.stream,
            pointers,
            None,
        )

    def empty(self, shape, dtype="float32") -> DeviceArray:
        shape = shape if isinstance(shape, tuple) else (shape,)
        array = DeviceArray(0, shape, dtype)
        address = c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), c_size_t(max(array.nbytes, 1)))
        array.address = address.value
        return array

    def array(self, values) -> DeviceArray:
        values = numpy.ascontiguousarray(values)
        array = self.empty(values.shape, values.dtype)
        if values.nbytes:
            self.call(
                "cuMemcpyHtoDAsync_v2",
                c_uint64(array.address),
                values.ctypes.data_as(c_void_p),
                c_size_t(values.nbytes),
                self.stream,
            )
        return array

    def read(self, array: DeviceArray) -> numpy.ndarray:
        values = numpy.empty(array.shape, array.dtype)
        if values.nbytes:
            self.call(
                "cuMemcpyDtoHAsync_v2",
                values.ctypes.data_as(c_void_p),
                c_uint64(array.address),
                c_size_t(values.nbytes),
                self.stream,
            )
        self.wait()
        return values

    def wait(self, stream=None):
        self.call("cuStreamSynchronize", stream or self.stream)

    def free(self, array: DeviceArray):
        self.call("cuMemFree_v2", c_uint64(array.address))
