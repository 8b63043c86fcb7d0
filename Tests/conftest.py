"""What all Python tests share. They run in .venv, whose Jupyter knows the kernel `swift-lab` (make test registers it)."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_shell():
    """Kernels inherit what is ignored: under nohup, that a terminal was closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session", autouse=True)
def own_user_folders(tmp_path_factory):
    """What a kernel writes for its user (the history of cells) goes elsewhere; the data stays where `make` put it."""
    patch = pytest.MonkeyPatch()
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "swift-lab" / "data"
    patch.setenv("SWIFT_LAB_DATA", os.environ.get("SWIFT_LAB_DATA") or str(data))
    patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def swift_lab(project):
    """Runs the program with the given arguments and returns the completed process."""
    program = project / ".build" / "release" / "swift-lab"

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        options.setdefault("timeout", 60)
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)

    return run
