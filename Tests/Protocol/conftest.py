"""The echo kernel, registered for these tests in a folder of their own."""
import json
import os
import pathlib
import subprocess

import pytest
from kernels import Kernel

ROOT = pathlib.Path(__file__).resolve().parents[2]


def executable() -> pathlib.Path:
    """The built echo kernel; ECHO_KERNEL names another one."""
    named = os.environ.get("ECHO_KERNEL")
    path = pathlib.Path(named) if named else ROOT / ".build/release/echo-kernel"
    if not path.exists():
        raise RuntimeError(f"{path} is missing: build it with `swift build -c release --product echo-kernel`")
    return path


def install(folder: pathlib.Path, name: str = "echo", interrupt_mode: str = "message") -> None:
    spec = folder / "kernels" / name
    spec.mkdir(parents=True, exist_ok=True)
    (spec / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [str(executable()), "{connection_file}"],
                "display_name": "Echo",
                "language": "echo",
                "interrupt_mode": interrupt_mode,
            }
        )
    )


@pytest.fixture(scope="module", autouse=True)
def jupyter_folders(tmp_path_factory):
    """Nothing of the user's own Jupyter is read or written."""
    folder = tmp_path_factory.mktemp("jupyter")
    install(folder, "echo", "message")
    install(folder, "echo-signal", "signal")
    patch = pytest.MonkeyPatch()
    patch.setenv("JUPYTER_PATH", str(folder))
    patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
    patch.setenv("XDG_DATA_HOME", str(folder / "data"))
    yield folder
    patch.undo()


@pytest.fixture
def echo_kernel():
    """The executable itself."""
    return executable()


@pytest.fixture
def kernel():
    """A fresh echo kernel and a client that is ready."""
    kernel = Kernel("echo", log=subprocess.DEVNULL)
    yield kernel
    kernel.close()
