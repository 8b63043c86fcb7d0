"""Formulas with numbers in them, as participants write them, are type-checked at once.

Overloads for numbers decide about it: with Float in place of Double, or literals as tensors, the same lines take
seconds.
"""

import re
import subprocess

import pytest

FORMULAS = {
    "adam": """
        func step(_ w: Tensor, _ g: Tensor, _ m: Tensor, _ v: Tensor, _ t: Double, _ rate: Double) -> Tensor {
            let m2 = 0.9 * m + 0.1 * g
            let v2 = 0.999 * v + 0.001 * g * g
            return w - rate * (m2 / (1 - t)) / ((v2 / (1 - t * 0.5)).squareRoot() + 1e-8) - 0.01 * rate * w
        }
        """,
    "gelu": """
        func gelu2(_ x: Tensor) -> Tensor {
            0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
        }
        """,
    "binary cross-entropy": """
        func loss(_ p: Tensor, _ y: Tensor) -> Tensor {
            -(y * (p + 1e-7).log() + (1 - y) * (1 - p + 1e-7).log()).mean()
        }
        """,
}
# The least that participants notice; 1 to 5 ms were measured.
MOST_MILLISECONDS = 120


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_are_type_checked_at_once(project, tmp_path, name):
    source = tmp_path / "formula.swift"
    source.write_text(f"import Tensors\n{FORMULAS[name]}")
    # As for cells: the C modules behind the library's are empty.
    (tmp_path / "module.modulemap").write_text(
        "".join(f"module {name} {{}}\n" for name in ["CCairo", "CKernels", "COpenBLAS", "CPNG", "CTurboJPEG", "CZlib"]))
    fastest = MOST_MILLISECONDS * 100.0
    # The best of three: another process may hold the core.
    for _ in range(3):
        result = subprocess.run(
            ["swiftc", "-typecheck", "-swift-version", "5", "-I", project / ".build/release/Modules",
             "-I", tmp_path,
             "-Xfrontend", "-warn-long-expression-type-checking=1", source],
            capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        times = [float(time) for time in re.findall(r"expression took ([0-9.]+)ms to type-check", result.stderr)]
        # What takes less than 1 ms is not reported.
        fastest = min(fastest, max(times, default=1))
    assert fastest < MOST_MILLISECONDS
