"""Runs notebooks in the real kernel and saves their outputs in place.

usage: run_notebooks.py NOTEBOOK…

A notebook that fails, or that would grow over 1 MB, stays as it was, and the exit code is 1.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LARGEST = 1_000_000  # bytes: more is slow to render on a page, and heavy in a repository


def run(path: Path) -> str | None:
    """Runs one notebook. Returns what is wrong with it, or nothing."""
    notebook = nbformat.read(path, as_version=4)
    # Times of execution would make every run a change.
    client = NotebookClient(
        notebook, timeout=600, record_timing=False, resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as error:
        return f"{path}: {error}"
    text = nbformat.writes(notebook) + "\n"
    if len(text.encode()) > LARGEST:
        return f"{path}: {len(text.encode()):,} bytes with its outputs, more than {LARGEST:,}: show less, or smaller."
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)
    return None


def main() -> None:
    # The runs of a notebook that is only being filled are nobody's.
    os.environ.setdefault("SWIFT_LAB_RUNS", tempfile.mkdtemp(prefix="swift-lab-runs-"))
    problems = []
    for path in map(Path, sys.argv[1:]):
        started = time.monotonic()
        print(f"running {path}…", flush=True)
        problem = run(path)
        if problem:
            problems.append(problem)
        else:
            print(f"  {time.monotonic() - started:.0f} s, {path.stat().st_size // 1000:,} kB with its outputs")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
