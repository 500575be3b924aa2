"""The engine on other processors: every instruction set that this host can run besides the one in use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference.engine.processor import INSTRUCTION_SETS, PROCESSOR, SWITCH

FOLDER = Path(__file__).parent


def run(command, **variables):
    """Run Python in the repository with these environment variables and nothing forced on numba."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_CPU", SWITCH))}
    command = [sys.executable, *map(str, command)]
    return subprocess.run(
        command, cwd=FOLDER.parents[1], env={**kept, **variables}, capture_output=True, text=True, check=False
    )


# Asked in a process of its own: this one may have been told to make do with less.
HERE = run(["-c", "from reference.engine.processor import available_sets; print(*available_sets())"]).stdout.split()
OTHERS = [name for name in HERE if name != PROCESSOR.instruction_set]

ESSENTIAL = [
    FOLDER / f"test_{name}.py"
    for name in (
        "blocks",
        "convolution",
        "integer",
        "integer_float",
        "layers",
        "nets",
        "plain",
        "quantized",
        "tiles",
    )
]
"""Every operator forward and backward, the networks, the integers."""

LEFT_OUT = {"avx2": "any_shape", "neon": "any_shape"}
"""Tests, by words of their names, that reach no kernel which the others do not."""

LEFT_OUT_ELSEWHERE = "any_shape or float64 or finite_differences"
"""Processors without AVX2 are rare: there float64 is tried on the register tiles alone, to save its compilation."""


@pytest.mark.skipif(
    PROCESSOR.features == (), reason="the environment forbids numba every feature of this processor"
)
@pytest.mark.parametrize("name", OTHERS)
def test_engine_is_right_on_processor(name):
    """All essential tests pass with this instruction set, in the engine, in numpy's BLAS and in PyTorch."""
    words = LEFT_OUT.get(name, LEFT_OUT_ELSEWHERE)
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", f"not ({words})", *ESSENTIAL]
    done = run(command, **{SWITCH: name}, **INSTRUCTION_SETS[name].limits)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 100


WHICH = "from reference.engine import PROCESSOR; print(PROCESSOR.instruction_set, PROCESSOR.tile_rows)"


@pytest.mark.parametrize("name", HERE)
def test_the_switch_chooses_the_instruction_set(name):
    """The engine names the set that was asked for and uses its tile."""
    done = run(["-c", WHICH], **{SWITCH: name})
    assert done.stdout.split(maxsplit=1) == [name, f"{INSTRUCTION_SETS[name].tile_rows}\n"], done.stderr


@pytest.mark.parametrize("name", [*(name for name in INSTRUCTION_SETS if name not in HERE), "avx1024"])
def test_what_this_processor_cannot_run_is_refused(name):
    """The import fails and says which sets there are."""
    done = run(["-c", WHICH], **{SWITCH: name})
    assert done.returncode != 0
    assert "ValueError" in done.stderr and f"choose one of {', '.join(HERE)}" in done.stderr


MACHINE_CODE = """
import re, numpy as np
from reference.engine import matmul
from reference.engine.matrix import biased_rows
matmul(np.ones((7, 40), "f4"), np.ones((40, 130), "f4"))
code = "".join(biased_rows.inspect_asm().values())
print(*(word for word in ("xmm", "ymm", "zmm", "vfmadd") if word in code))
"""


@pytest.mark.parametrize(("name", "words"), [("avx2", "xmm ymm vfmadd"), ("narrow", "xmm"), ("generic", "xmm")])
def test_x86_code_has_only_registers_and_instructions_of_the_set(name, words, tmp_path):
    """No 64-byte register in code for AVX2, none of 32 bytes and no fused multiply-add in code without it."""
    if "avx2" not in HERE:
        pytest.skip("this processor has no wider registers that code must do without")
    done = run(["-c", MACHINE_CODE], **{SWITCH: name, "ENGINE_CACHE_DIR": str(tmp_path)})
    assert done.stdout.strip() == words, done.stderr[-2000:]


def test_a_switch_that_comes_too_late_is_refused():
    """Once numba has compiled for the whole processor, the engine does not pretend to obey."""
    if not OTHERS:
        pytest.skip("there is only one instruction set to choose here")
    program = "import numba; numba.njit(lambda: 1)(); import reference.engine"
    done = run(["-c", program], **{SWITCH: OTHERS[-1]})
    assert done.returncode != 0 and "comes too late" in done.stderr
