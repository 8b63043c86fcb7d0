"""The program runs on any processor of its kind: vector instructions that not all have stay inside the kernels for them."""

import json
import platform
import re
import subprocess

import pytest

# Kernels.c names each kernel after the processors it is for.
FOR_NEWER = re.compile(r"_v[34](\.\w+)*$")
SYMBOL = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# VEX and EVEX instructions begin with v; those of the baseline that do, verr and verw, are not for programs.
NEWER = re.compile(r"^\s*[0-9a-f]+:\s+(?:\{\w+\} )?(v[a-z0-9]+|k[a-z]+[bwdq])\s")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX is x86-64's")
def test_avx_is_only_in_the_kernels_for_it(project):
    program = project / ".build" / "release" / "swift-lab"
    outside, inside, symbol = {}, 0, ""
    with subprocess.Popen(
        ["objdump", "-d", "--no-show-raw-insn", program], stdout=subprocess.PIPE, text=True) as listing:
        for line in listing.stdout:
            if named := SYMBOL.match(line):
                symbol = named[1]
            elif NEWER.match(line):
                if FOR_NEWER.search(symbol):
                    inside += 1
                else:
                    outside.setdefault(symbol, line.strip())
    assert listing.returncode == 0
    # Otherwise nothing was looked at.
    assert inside > 10_000
    assert outside == {}


# Of 2006, with SSE3 and without AVX. Older ones lack the instruction by which Swift's own runtime counts references.
OLD_X86 = ["qemu-x86_64-static", "-cpu", "core2duo"]
# A kind of processor, and what runs its programs: this machine, or an emulator of one that is not at hand.
PROCESSORS = {
    "this one": ("x86_64-linux-gnu", []),
    "an old x86-64": ("x86_64-linux-gnu", OLD_X86),
    "arm64": ("aarch64-linux-gnu", ["qemu-aarch64-static"]),
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="packages.txt has the libraries of arm64 for an x86-64 machine")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_kernels_compute_the_same_on_any_processor(project, tmp_path, processor):
    """All of CKernels, compiled for that processor and run on it, against plain loops in double precision."""
    target, emulator = PROCESSORS[processor]
    sources = project / "Sources" / "System" / "CKernels"
    program = tmp_path / "kernel-checks"
    subprocess.run(
        ["clang", f"--target={target}", "-O2", "-std=gnu11", "-Wall", "-Werror", "-static", "-fuse-ld=lld", "-I",
         sources / "include", *sorted(sources.glob("*.c")), project / "Tests" / "Setup" / "kernel_checks.c", "-lm",
         "-lpthread", "-o", program], check=True)
    result = subprocess.run([*emulator, program], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    *sets, chosen = result.stdout.splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+: \d{6} numbers, at worst [0-3]\.\d\d epsilon", line) for line in sets)
    # The baseline's were looked at everywhere, and where there is nothing newer, nothing else.
    assert sets[0].startswith("baseline: ") and chosen.startswith("chosen: ")
    if emulator:
        assert len(sets) == 1 and chosen == "chosen: baseline"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is not for x86-64 here")
def test_the_program_trains_on_an_old_processor(project):
    command = [project / ".build" / "release" / "swift-lab", "bench", "perceptron", "--json", "--steps", "1"]

    def loss(emulator):
        result = subprocess.run([*emulator, *command], check=True, capture_output=True, text=True)
        return json.loads(result.stdout)["loss"]

    # After 503 steps of one image each, rounded otherwise.
    assert abs(loss(OLD_X86) - loss([])) < 1e-3
