"""The engine on other processors, its kernel cache, and what an import does, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, sys
sys.path.insert(0, {root!r})
sys.path.insert(0, {tests!r})
import numba.core.event as event
with event.install_recorder("numba:compile") as compiled:
    import numpy as np, truth
    from reference import engine
    at_import = len(compiled.buffer)
    rng = np.random.default_rng(0)
    errors = []
    if {work!r} != "import":
        for options in ({{}}, {{"exact": True}}):
            x = rng.standard_normal((1, 40, 9, 10)).astype("f4")
            w = rng.standard_normal((50, 40, 3, 3)).astype("f4")
            y = truth.convolve(x, w, None, (1, 1), (1, 1, 1, 1), (1, 1))
            errors.append(truth.relative_error(engine.conv2d(x, w, padding=1, **options), y))
            if {work!r} == "all":
                g = rng.standard_normal(y.shape).astype("f4")
                grads = engine.conv2d_backward(g, x, w, padding=1, **options)
                arguments = ((1, 1), (1, 1, 1, 1), (1, 1))
                wanted = truth.convolve_input_gradient(g, w, x.shape, *arguments)
                errors.append(truth.relative_error(grads.inputs, wanted))
                wanted = truth.convolve_weight_gradient(g, x, w.shape, *arguments)
                errors.append(truth.relative_error(grads.weight, wanted))
    if {work!r} == "all":
        pooled = engine.max_pool2d(x, 2)
        errors.append(float(np.abs(pooled - x[:, :, :8].reshape(1, 40, 4, 2, 5, 2).max((3, 5))).max()))
        b = rng.integers(-128, 128, (1, 40, 5, 5), dtype=np.int8)
        for outputs in (20, 40):
            k = rng.integers(-128, 128, (outputs, 40, 3, 3), dtype=np.int8)
            exact = truth.convolve(b, k, None, (1, 1), (0, 0, 0, 0), (1, 1))
            errors.append(float(np.abs(engine.conv2d_int8(b, k) - exact).max()))
answer = {{"set": engine.PROCESSOR.instruction_set, "import": at_import, "compiled": len(compiled.buffer)}}
print(json.dumps({{**answer, "errors": errors}}))
"""


def run(work, cache, **environment):
    """Run the program in a fresh process and return what it prints."""
    program = PROGRAM.format(root=str(ROOT), tests=str(Path(__file__).parent), work=work)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CPU")}
    variables |= {"ENGINE_CACHE_DIR": str(cache), **environment}
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


AVX2 = "+64bit,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+lzcnt,+f16c"


@pytest.mark.parametrize(
    ("expected", "environment"),
    [
        ("generic", {"NUMBA_CPU_NAME": "generic"}),
        pytest.param(
            "avx2",
            {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": AVX2},
            marks=pytest.mark.skipif(
                "avx2" not in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else True,
                reason="this processor has no AVX2 to run such code on",
            ),
        ),
    ],
)
def test_processors_without_avx512_are_right(expected, environment, tmp_path):
    """Convolutions of floats and bytes (Winograd and direct), gradients, pooling with narrower register tiles."""
    result = run("all", tmp_path, **environment)
    if expected == "generic":
        assert result["set"] in ("generic", "neon")
    else:
        assert result["set"] == expected
    assert max(result["errors"]) < 5e-5
    assert result["errors"][-3:] == [0.0, 0.0, 0.0]
