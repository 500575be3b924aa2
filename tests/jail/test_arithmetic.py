"""A box computes as it is told to, from a closed list, and a result says how."""

import dataclasses

import numpy as np
import pytest

from grader.jail import arithmetic
from grader.jail.arithmetic import ARITHMETICS, VARIABLE, UnknownArithmetic, chosen_arithmetic, computer
from grader.jail.layout import environment

POSSIBLE = [item for item in ARITHMETICS.values() if arithmetic.is_possible(item)]


def test_nothing_is_chosen_by_the_shell(monkeypatch):
    """What the shell says to OpenBLAS and Numba does not reach a box."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("NUMBA_CPU_NAME", "nehalem")
    monkeypatch.delenv(VARIABLE, raising=False)
    found = environment("/tmp", 1, chosen_arithmetic().variables())
    assert not {"OPENBLAS_CORETYPE", "NUMBA_CPU_NAME", "NPY_DISABLE_CPU_FEATURES"} & found.keys()


@pytest.mark.parametrize("item", POSSIBLE, ids=lambda item: item.name)
def test_the_blas_takes_the_kernels_it_is_told_depends_on_processor(item):
    """OpenBLAS itself names the kernels that an arithmetic asks for."""
    blas = computer(item).blas
    if "openblas" not in blas.lower():
        pytest.skip("NumPy has another BLAS here")
    # Zen has no kernels of its own.
    assert not item.blas or blas.endswith({"Zen": "Haswell"}.get(item.blas, item.blas))


def test_an_unknown_name_is_refused_with_the_list(monkeypatch):
    """The message says which names there are."""
    monkeypatch.setenv(VARIABLE, "pentium")
    with pytest.raises(UnknownArithmetic, match=r"GRADER_ARITHMETIC is pentium; expected one of host, nehalem"):
        chosen_arithmetic()


def test_what_the_processor_cannot_run_is_refused(monkeypatch):
    """An arithmetic is never tried on a processor without its instructions."""
    strange = dataclasses.replace(ARITHMETICS["haswell"], needs=("avx2", "no_such_instruction"))
    monkeypatch.setitem(ARITHMETICS, "haswell", strange)
    monkeypatch.setenv(VARIABLE, "haswell")
    with pytest.raises(UnknownArithmetic, match="lacks no_such_instruction"):
        chosen_arithmetic()


def test_another_arithmetic_has_other_kernels_depends_on_processor():
    """Publishing compares with kernels that the host would not have taken."""
    own = ARITHMETICS["host"]
    other = arithmetic.another_arithmetic(own)
    if other is None:
        pytest.skip("this host can run no other")
    assert computer(other).blas != computer(own).blas


def test_equal_sums_are_rounded_by_place_in_some_arithmetic_depends_on_processor():
    """That for which all this is: the same product, other last digits."""
    found = {item.name: product_in(item) for item in POSSIBLE}
    if len({array.tobytes() for array in found.values()}) == 1:
        pytest.skip("all arithmetics of this host round alike")
    for array in found.values():
        np.testing.assert_allclose(array, next(iter(found.values())), rtol=0, atol=1e-4)


def product_in(item):
    """The product of two fixed matrices, computed in a process of its own under an arithmetic."""
    import subprocess
    import sys

    code = (
        "import sys, numpy as np; rng = np.random.default_rng(1);"
        "a, b = (rng.standard_normal((97, 97)).astype(np.float32) for _ in range(2));"
        "sys.stdout.buffer.write((a @ b).tobytes())"
    )
    settings = environment("/tmp", 1, item.variables())
    done = subprocess.run([sys.executable, "-I", "-c", code], env=settings, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)
