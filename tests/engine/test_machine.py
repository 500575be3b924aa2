"""The engine's kernel cache and what an import does, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, sys
sys.path.insert(0, {root!r})
sys.path.insert(0, {tests!r})
import numba.core.event as event
with event.install_recorder("numba:compile") as compiled:
    import numpy as np, truth
    from reference import engine
    rng = np.random.default_rng(0)
    errors = []
    if {work!r} != "import":
        for options in ({{}}, {{"exact": True}}):
            x = rng.standard_normal((1, 40, 9, 10)).astype("f4")
            w = rng.standard_normal((50, 40, 3, 3)).astype("f4")
            y = truth.convolve(x, w, None, (1, 1), (1, 1, 1, 1), (1, 1))
            errors.append(truth.relative_error(engine.conv2d(x, w, padding=1, **options), y))
print(json.dumps({{"compiled": len(compiled.buffer), "errors": errors}}))
"""


def run(work, cache):
    """Run the program in a fresh process and return what it prints."""
    program = PROGRAM.format(root=str(ROOT), tests=str(Path(__file__).parent), work=work)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CPU")}
    variables |= {"ENGINE_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_compiles_and_writes_nothing(tmp_path):
    """An import leaves no compiled kernel and no file."""
    result = run("import", tmp_path)
    assert result["compiled"] == 0
    assert not list(tmp_path.rglob("*"))


def test_a_second_process_compiles_nothing(tmp_path):
    """All kernels of a convolution come from the disk cache the second time, with the same result."""
    first, second = run("forward", tmp_path), run("forward", tmp_path)
    assert first["compiled"] > 0 and second["compiled"] == 0
    assert first["errors"] == second["errors"]
