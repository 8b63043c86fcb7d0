"""`scripts/gpu-run` is for machines that nobody sees twice: here it runs with programs that only pretend.

The bundle itself, with the real programs, is run by hand: see docs/gpu.md.
"""

import os
import shutil
import subprocess

import pytest
from gpu import PROJECT

LAB = """#!/bin/bash
case "$*" in
    *--help) ;;
    doctor) echo "GPU  NVIDIA Pretended: 1 GB" ;;
    *--batch\\ 4096*) echo '{"name": "lenet", "batch": 4096, "train_images_per_s": 900000, "idle_share": 0.010}' ;;
    *lenet*) echo "device $SWIFT_LAB_DEVICE" >&2
        echo '{"name": "lenet", "batch": 64, "train_images_per_s": 600000, "idle_share": 0.044, "loss": -0.5}' ;;
    *tf32*) echo '{"name": "convnet", "train_images_per_s": 50000.0}' ;;
    *fashion*) echo "it cannot be trained"; exit 3 ;;
    *sequence*) exec sleep 60 ;;
    *) echo '{"name": "other", "train_images_per_s": 10.5}' ;;
esac
"""
TESTS = """#!/bin/bash
case "$*" in
    *OperationTests*) echo "✘ Test exp recorded an issue: 2e-13 > 1e-13"; echo "Test run with 146 tests failed"; exit 1 ;;
    *) echo "Test run with 9 tests passed" ;;
esac
"""
PYTHON = """#!/bin/bash
case "$*" in
    *pytorch_lenet.py*)
        echo '{"network": "lenet64", "batch": 64, "precision": "default", "mode": "eager", "train_images_per_s": 100000.0}'
        echo '{"network": "lenet64", "batch": 64, "precision": "default", "mode": "reduce-overhead", "train_images_per_s": 500000.0}'
        echo '{"network": "colour", "batch": 256, "precision": "tf32", "mode": "channels-last reduce-overhead", "train_images_per_s": 40000.0}'
        echo '{"network": "colour", "batch": 256, "precision": "float32", "mode": "eager", "error": "OutOfMemoryError: "}' ;;
esac
"""
SANITIZER = """#!/bin/bash
while [[ $1 == --* ]]; do if [[ $1 == --target-processes || $1 == --error-exitcode ]]; then shift; fi; shift; done
"$@" | grep -c 'tests failed' > /dev/null && echo "========= ERROR SUMMARY: 0 errors"
"""


@pytest.fixture
def bundle(tmp_path):
    """A folder as gpu-bundle packs it, and a PATH with nothing but what any system has."""
    for folder in ("bin", "lib", "golden", "data", "path"):
        (tmp_path / folder).mkdir()
    shutil.copy(PROJECT / "scripts/gpu-run", tmp_path / "run")
    (tmp_path / "commit").write_text("abc123\n")

    def program(name, text):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    program("bin/swift-lab", LAB)
    program("bin/tests", TESTS)
    for name in ("bash env head tail cat rm mkdir sort cut date tee dirname grep sed awk timeout sleep tr".split()):
        os.symlink(shutil.which(name), tmp_path / "path" / name)
    return tmp_path, program


def run(folder, **settings):
    done = subprocess.run(
        [folder / "run"], capture_output=True, text=True, timeout=100, env={"PATH": str(folder / "path"), **settings})
    rows = {}
    for line in done.stdout.splitlines():
        if line.startswith("| "):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[name] = cells
    return done, rows


def test_what_is_measured_is_held_against_what_was_promised(bundle):
    folder, program = bundle
    program("path/python3", PYTHON)
    program("path/compute-sanitizer", SANITIZER)
    done, rows = run(folder, SECONDS_IN_ALL="13")
    assert rows["LeNet, batch 64: times PyTorch eager"][:3] == ["at least 5", "6.00", "holds"], done.stdout
    assert rows["LeNet, batch 64: times torch.compile reduce-overhead"][:3] == ["at least 1.5", "1.20", "MISSED"]
    assert rows["LeNet, one epoch of 60,000 at batch 64: seconds"][1:3] == ["0.10", "holds"]
    assert rows["64x64 colour network, batch 256, TF32: times PyTorch's best"][1:3] == ["1.25", "holds"]
    assert rows["LeNet, batch 4096: times PyTorch's best"][1:3] == ["-", "not measured"]
    assert rows["idle between steps, batch 64: share of the time"][1:3] == ["0.044", "holds"]
    assert rows["sanitizer"][0] == "passed" and rows["sanitizer"][1].endswith(" s: ========= ERROR SUMMARY: 0 errors")
    assert "device cuda:0" in (folder / "results/lenet64.log").read_text()
    # What fails is told with what it said, the rest goes on, and the whole is no success.
    assert rows["operations"][0] == rows["fashion"][0] == rows["sequence"][0] == "FAILED"
    assert "status 3" in rows["fashion"][1] and "stopped after" in rows["sequence"][1]
    assert rows["adam"] == ["not run", "no time was left"]
    assert "2e-13 > 1e-13" in done.stdout and done.returncode == 1


def test_a_machine_that_has_nothing_gets_its_table_too(bundle):
    folder, _ = bundle
    done, rows = run(folder, DEVICE="cpu", SECONDS_IN_ALL="13")
    assert rows["pytorch"] == ["not run", "there is no python3; PYTHON names another"], done.stdout + done.stderr
    assert rows["LeNet, batch 64: times PyTorch eager"][1:3] == ["-", "not measured"]
    assert rows["optimizers"][0] == "passed" and not done.stderr
