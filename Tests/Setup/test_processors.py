"""The program runs on any processor of its kind: vector instructions that not all have stay inside the kernels for them."""

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


@pytest.mark.parametrize("target", ["x86_64-linux-gnu", "aarch64-linux-gnu"])
def test_the_kernels_are_plain_c_for_other_processors(project, target):
    folder = project / "Sources" / "System" / "CKernels"
    result = subprocess.run(
        ["clang", f"--target={target}", "-std=gnu11", "-ffreestanding", "-Wall", "-Werror", "-fsyntax-only", "-I",
         folder / "include", folder / "Kernels.c"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
