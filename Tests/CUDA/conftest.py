"""The simulated GPU, for all tests here. Each of its three kinds is built once, in a few seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import gpu as simulation  # noqa: E402


@pytest.fixture(scope="session")
def folder():
    return simulation.build()


@pytest.fixture(scope="session")
def device(folder):
    """One for all tests of the process, as a process has one driver. `reset` gives it other settings."""
    return simulation.GPU(folder)


@pytest.fixture(scope="session")
def sanitized():
    """Runs a script of this folder under a sanitizer: sanitized("address", "kernel_checks.py", "256", "random")."""

    def run(sanitizer, script, *arguments):
        built = simulation.build(sanitizer)
        compiler = Path(
            subprocess.run(
                ["bash", "-c", 'readlink -f "$(command -v swiftc)"'], capture_output=True, text=True, check=True
            ).stdout.strip()
        )
        [runtime] = compiler.parent.parent.glob(f"lib/clang/*/lib/linux/libclang_rt.{sanitizer[0]}san-x86_64.so")
        # The thread sanitizer of Swift's toolchain wants the dispatch library that comes with it.
        dispatch = compiler.parent.parent / "lib/swift/linux/libdispatch.so"
        environment = {
            **os.environ,
            "LD_PRELOAD": f"{runtime}:{dispatch}",
            "PYTHONMALLOC": "malloc",
            # Python itself leaks, by its lights.
            "ASAN_OPTIONS": "detect_leaks=0",
            "TSAN_OPTIONS": "halt_on_error=1 report_signal_unsafe=0",
            "OPENBLAS_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, Path(__file__).parent / script, built, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
        )

    return run
