"""The checks in checks/ as a program, for the sanitizers: python kernel_checks.py FOLDER BLOCK ORDER [CHECK…]."""

import os
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent))
from gpu import GPU  # noqa: E402
from checks import CHECKS  # noqa: E402

folder, block, order = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.environ["SIMULATED_GPU_ORDER"] = order
device = GPU(folder, block)
chosen = sys.argv[4:] or [one.__name__ for one in CHECKS]
for one in CHECKS:
    if one.__name__ in chosen:
        one(device, numpy.random.default_rng(1))
print(f"{len(chosen)} families hold")
