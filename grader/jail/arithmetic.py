"""Which instructions a box computes with: those that the host picks, or those of an older processor.

Sums are rounded in another order by each kernel of a BLAS, so the same program gives other last digits on another
processor. The grader's own variable `VARIABLE` names one of `ARITHMETICS`; it is the only thing of a box's
environment that can be chosen, and a result says which it was.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.language.errors import BadInput

VARIABLE = "GRADER_ARITHMETIC"
HOST = "host"
PROCESSOR_FILE = Path("/proc/cpuinfo")
ASK_LIMIT_S = 30.0
# Features that decide how sums are formed; the rest of a processor's long list does not matter here.
TELLING_FEATURES = ("sse4_2", "avx", "fma", "avx2", "avx512f", "avx512bw", "avx512vl", "asimd", "sve")
# NumPy's own names of what it may use beyond its baseline, by the least that an arithmetic allows.
BEYOND_AVX2 = (
    "X86_V4",
    "AVX512F",
    "AVX512CD",
    "AVX512_SKX",
    "AVX512_CLX",
    "AVX512_CNL",
    "AVX512_ICL",
    "AVX512_SPR",
)
BEYOND_SSE = ("X86_V3", "AVX", "F16C", "FMA3", "AVX2", *BEYOND_AVX2)
ASK_BLAS = """
import ctypes, glob, os, numpy
found = glob.glob(os.path.join(os.path.dirname(numpy.__file__) + ".libs", "*openblas*"))
found += glob.glob(os.path.join(os.path.dirname(numpy.__file__), ".dylibs", "*openblas*"))
name = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
said = " ".join(str(name.get(key, "")) for key in ("name", "version")).strip()
for file in found[:1]:
    library = ctypes.CDLL(file)
    for symbol in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
        ask = getattr(library, symbol, None)
        if ask is not None:
            ask.restype = ctypes.c_char_p
            said += " " + ask().decode()
            break
print(said)
"""


class UnknownArithmetic(BadInput):
    """The arithmetic that was asked for does not exist or cannot be had on this host."""


@dataclass(frozen=True)
class Arithmetic:
    """One way to compute.

    Attributes
    ----------
    blas : kernels that OpenBLAS is told to use; empty leaves the choice to it.
    processor : processor that Numba compiles for; empty is the host's.
    needs : features, as Linux names them, without which the host cannot run it.
    numpy_without : instructions that NumPy's own loops must not use.
    """

    name: str
    blas: str = ""
    processor: str = ""
    needs: tuple[str, ...] = ()
    numpy_without: tuple[str, ...] = ()

    def variables(self) -> dict[str, str]:
        """Return what is added to a box's environment."""
        found = {}
        if self.blas:
            found["OPENBLAS_CORETYPE"] = self.blas
        if self.processor:
            # The processor's name alone says what it has; without an empty list Numba adds the host's features.
            found |= {"NUMBA_CPU_NAME": self.processor, "NUMBA_CPU_FEATURES": ""}
        without = _dispatched(self.numpy_without)
        if without:
            found["NPY_DISABLE_CPU_FEATURES"] = " ".join(without)
        return found


ARITHMETICS = {
    item.name: item
    for item in (
        Arithmetic(HOST),
        Arithmetic("nehalem", "Nehalem", "nehalem", ("sse4_2",), BEYOND_SSE),
        Arithmetic("haswell", "Haswell", "haswell", ("avx2", "fma"), BEYOND_AVX2),
        Arithmetic("zen", "Zen", "znver1", ("avx2", "fma", "sse4a"), BEYOND_AVX2),
        Arithmetic("skylakex", "SkylakeX", "skylake-avx512", ("avx512f", "avx512bw", "avx512vl", "avx512dq")),
    )
}


@dataclass(frozen=True)
class Computer:
    """What computed: processor, its telling features, the BLAS with the kernels that it uses, the arithmetic."""

    processor: str
    features: tuple[str, ...]
    blas: str
    arithmetic: str


def chosen_arithmetic() -> Arithmetic:
    """Return the arithmetic that the environment asks for, the host's if it asks for none.

    Raises
    ------
    UnknownArithmetic : there is none of that name, or this processor cannot run it.
    """
    name = os.environ.get(VARIABLE, "") or HOST
    if name not in ARITHMETICS:
        raise UnknownArithmetic(
            "{variable} is {name}; expected one of {known}",
            variable=VARIABLE,
            name=name,
            known=", ".join(ARITHMETICS),
        )
    if not is_possible(ARITHMETICS[name]):
        missing = sorted(set(ARITHMETICS[name].needs) - set(_features()))
        raise UnknownArithmetic(
            "{variable} is {name}, but this processor lacks {missing}; expected one of {known}",
            variable=VARIABLE,
            name=name,
            missing=", ".join(missing),
            known=", ".join(item.name for item in ARITHMETICS.values() if is_possible(item)),
        )
    return ARITHMETICS[name]


def is_possible(arithmetic: Arithmetic) -> bool:
    """Return whether this host can run an arithmetic; other systems than Linux do not say, and run the host's."""
    return set(arithmetic.needs) <= set(_features())


@cache
def computer(arithmetic: Arithmetic) -> Computer:
    """Return what a box with this arithmetic computes with."""
    found = _features()
    telling = tuple(name for name in TELLING_FEATURES if name in found)
    return Computer(_processor(), telling, _blas(arithmetic), arithmetic.name)


def another_arithmetic(than: Arithmetic) -> Arithmetic | None:
    """Return one that this host can run and whose kernels of the BLAS differ; None if there is none."""
    own = computer(than).blas
    for name in ("haswell", "skylakex", "zen", "nehalem"):
        item = ARITHMETICS[name]
        if item != than and is_possible(item) and computer(item).blas != own:
            return item
    return None


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the facts of the first processor, empty where the system does not tell."""
    try:
        text = PROCESSOR_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = [line.partition(":") for line in text.split("\n\n")[0].splitlines()]
    return {key.strip().lower(): value.strip() for key, _, value in lines}


def _features() -> tuple[str, ...]:
    facts = _cpuinfo()
    return tuple((facts.get("flags") or facts.get("features") or "").split())


def _processor() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine() or "unknown"


def _blas(arithmetic: Arithmetic) -> str:
    """Ask NumPy in a process of its own: a BLAS chooses its kernels once, when it is loaded."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-W", "ignore", "-c", ASK_BLAS],
            env={**kept, "OPENBLAS_NUM_THREADS": "1", **arithmetic.variables()},
            capture_output=True,
            text=True,
            timeout=ASK_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


@cache
def _dispatched(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that this NumPy chooses at run time; others it refuses."""
    try:
        core = importlib.import_module("numpy._core._multiarray_umath")
    except ImportError:  # NumPy 1
        core = importlib.import_module("numpy.core._multiarray_umath")
    dispatched = getattr(core, "__cpu_dispatch__", ())
    return tuple(name for name in names if name in dispatched)
