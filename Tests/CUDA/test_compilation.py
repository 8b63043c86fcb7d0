"""NVRTC compiles every family for every generation of cards that the library promises. It needs no driver and no GPU."""

import ctypes
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gpu import FAMILIES, source

ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


@pytest.fixture(scope="module")
def nvrtc():
    [library] = Path(sysconfig.get_paths()["purelib"]).glob("nvidia/*/lib/libnvrtc.so.1[0-9]")
    return ctypes.CDLL(str(library))


def compile(nvrtc, text, name, architecture):
    """The binary's length, or what the compiler says."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), f"{name}.cu".encode(), 0, None, None)
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    code = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return size.value if code == 0 else 0, log.value.decode()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_family_compiles_without_a_word(nvrtc, architecture):
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda family: (family, *compile(nvrtc, source(family), family, architecture)), FAMILIES)
        for family, size, log in results:
            assert size > 1000, f"{family} for {architecture}:\n{log}"
            # NVRTC says nothing when it has nothing to complain of; warnings count.
            assert not log.strip(), f"{family} for {architecture}:\n{log}"


def test_a_mistake_is_named_with_its_file_and_line(nvrtc):
    size, log = compile(nvrtc, source("random").replace("x = next;", "x = nixt;"), "random", "sm_90")
    assert size == 0 and "random.cu(" in log and "nixt" in log
