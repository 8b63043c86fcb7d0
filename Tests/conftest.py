"""What all Python tests share. They run in .venv, whose Jupyter knows the kernel `swift-lab` (make test registers it)."""

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def swift_lab(project):
    """Runs the program with the given arguments and returns the completed process."""
    program = project / ".build" / "release" / "swift-lab"

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        options.setdefault("timeout", 60)
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)

    return run
