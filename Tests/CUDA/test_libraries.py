"""Our declarations of NVIDIA's functions are those of the real headers, and the names exist in the real libraries.

The driver, NVRTC and NVML in `make test`: 50 MB of packages. cuBLAS and cuDNN come in hundreds of megabytes each, so
they are looked at by `make test-libraries`, or wherever SWIFT_LAB_CUDA_PACKAGES names folders of installed packages.
"""

import ctypes
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
from gpu import PROJECT

HEADER = PROJECT / "Sources/System/CCUDA/include"
PACKAGES = [
    Path(sysconfig.get_paths()["purelib"]),
    *map(Path, filter(None, os.environ.get("SWIFT_LAB_CUDA_PACKAGES", "").split(":"))),
]


def found(pattern):
    return next((path for packages in PACKAGES for path in packages.glob(f"nvidia/{pattern}")), None)


def compile(*options):
    includes = [f"-I{path}" for packages in PACKAGES for path in packages.glob("nvidia/*/include")]
    return subprocess.run(
        [
            "bash",
            "-c",
            '"$(dirname "$(readlink -f "$(command -v swiftc)")")/clang++" "$@"',
            "clang++",
            "-std=c++17",
            "-fsyntax-only",
            *includes,
            f"-I{HEADER}",
            *options,
        ],
        capture_output=True,
        text=True,
    )


def test_the_declarations_are_those_of_the_headers():
    result = compile(Path(__file__).parent / "layouts.cpp")
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(
    not found("*/include/cudnn.h") or not found("*/include/cublasLt.h"), reason="make test-libraries has them"
)
def test_the_declarations_of_the_large_libraries_are_those_of_the_headers():
    result = compile("-DWITH_LIBRARIES", Path(__file__).parent / "layouts.cpp")
    assert result.returncode == 0, result.stderr


def test_a_wrong_declaration_would_be_found(tmp_path):
    text = (HEADER / "CCUDA.h").read_text()
    (tmp_path / "Kernels").mkdir()
    for right, wrong in (
        ("(LabAddress *address, size_t bytes)", "(LabAddress *address, int bytes)"),
        ("LAB_OUT_OF_MEMORY = 2", "LAB_OUT_OF_MEMORY = 3"),
        ("total, free, used", "total, used, free"),
        ("(version))", "(version)) F(LAB_DRIVER, cuDriverGetVersion_v9, (int *version), (version))"),
    ):
        assert right in text
        (tmp_path / "CCUDA.h").write_text(text.replace(right, wrong, 1))
        result = compile(
            "-iquote",
            tmp_path,
            f"-I{tmp_path}",
            "-include",
            tmp_path / "CCUDA.h",
            Path(__file__).parent / "layouts.cpp",
        )
        assert result.returncode != 0, f"{wrong} compiles"


LIBRARIES = {
    "LAB_NVRTC": "libnvrtc.so.1[0-9]",
    "LAB_CUBLASLT": "libcublasLt.so.*",
    "LAB_CUBLAS": "libcublas.so.*",
    "LAB_CUDNN": "libcudnn.so.*",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_names_exist_in_the_library(library):
    path = found(f"*/lib/{LIBRARIES[library]}")
    if not path and library != "LAB_NVRTC":
        pytest.skip("make test-libraries has it")
    names = re.findall(rf"F\({library}, (\w+),", (HEADER / "CCUDA.h").read_text())
    assert names
    opened = ctypes.CDLL(str(path))
    missing = [name for name in names if not hasattr(opened, name)]
    assert not missing, f"{path} has no {missing}"
