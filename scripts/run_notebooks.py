"""Runs notebooks in the real kernel and saves their outputs in place, their pictures packed as tightly as PNG can.

usage: run_notebooks.py NOTEBOOK…

A notebook that fails, or that would grow over 1 MB, stays as it was, and the exit code is 1.
"""

import base64
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image, ImageChops

LARGEST = 1_000_000  # bytes: more is slow to render on a page, and heavy in a repository


def packed(png: str) -> str:
    """The same pixels in fewer bytes, both in base64: the kernel packs for speed, which a repository has no use for."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    after = Image.open(io.BytesIO(buffer.getvalue()))
    assert ImageChops.difference(picture.convert("RGB"), after.convert("RGB")).getbbox() is None
    return min(png, base64.b64encode(buffer.getvalue()).decode(), key=len)


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
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = packed(output.data["image/png"])
                # The same plot with its values, for the front end that runs the cell: a page shows the PNG.
                output.data.pop("application/vnd.vegalite.v5+json", None)
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
