"""Make the oracle module importable, and let idle threads sleep: tests share the processors with others."""

import os
import sys
from pathlib import Path

# Read by OpenMP when numba starts its threads. Spinning threads on a busy machine make a test ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

for folder in (Path(__file__).parent, Path(__file__).parents[2]):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
