"""What this processor can do, and the register tile that suits it.

The choice is made once, at import, from the features that LLVM will compile for (so that
``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` are obeyed): a processor that nobody thought of gets the
generic tile. The environment variable ``ENGINE_INSTRUCTION_SET`` chooses a smaller set than the processor
has, so that what other processors do can be tested and measured on this one.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path

import llvmlite.binding as llvm
import numba
from numba.core.registry import cpu_target

SWITCH = "ENGINE_INSTRUCTION_SET"
"""Environment variable that names the instruction set to use; see :func:`available_sets`."""

VECTOR_BYTES = 64
"""Width of the engine's logical vector: one cache line, 16 float32 or 8 float64.

Where the hardware is narrower LLVM splits it (two AVX2 or four NEON registers), so the layout of
every buffer is the same on every machine and only the register tile below changes.
"""


@dataclass(frozen=True)
class InstructionSet:
    """A kind of processor, as far as the engine's code depends on it.

    Attributes
    ----------
    tile_rows : rows of the register tile for 1, 2, ... logical vectors.
    needs : feature without which its code does not run here; empty if none.
    without : features whose names begin so are not used: what a processor of this kind lacks.
    limits : environment variables that hold numpy's BLAS and PyTorch to the same kind of processor.
    """

    tile_rows: tuple[int, ...]
    needs: str = ""
    without: tuple[str, ...] = ()
    limits: dict[str, str] = field(default_factory=dict)


_BEYOND_AVX2 = ("avx512", "avx10", "amx-", "evex512")
_SSE = {"OPENBLAS_CORETYPE": "Nehalem", "ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41"}

INSTRUCTION_SETS = {
    # 32 registers of 64 bytes: 24 sums, 4 columns of B, 1 broadcast of A.
    "avx512": InstructionSet((8, 8, 6, 6), "avx512f"),
    # 16 registers of 32 bytes: 6 rows of one logical vector are 12 sums.
    "avx2": InstructionSet((6,), "avx2", _BEYOND_AVX2,
                           {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2",
                            "DNNL_MAX_CPU_ISA": "AVX2"}),
    # 32 registers of 16 bytes: 6 rows of one logical vector are 24 sums.
    "neon": InstructionSet((6,), "neon"),
    # The code for NEON in 16-byte registers of another processor: the same tile, slower, the same results.
    "narrow": InstructionSet((6,), "sse2", (*_BEYOND_AVX2, "avx", "fma", "f16c", "xop", "vaes", "vpclmul", "sha512",
                                            "sm3", "sm4"), _SSE),
    # Nothing but what every processor of the architecture has.
    "generic": InstructionSet((2,), limits=_SSE),
}  # fmt: skip
"""Best first."""


@dataclass(frozen=True)
class Processor:
    """Instruction set in use and the tile geometry derived from it.

    Attributes
    ----------
    name : LLVM's name of the processor.
    model : the vendor's name, for reports.
    instruction_set : a name of ``INSTRUCTION_SETS``.
    features : names of the enabled features, sorted.
    tile_vectors : widest tile, in logical vectors (columns of the tile are ``16 * tile_vectors``).
    tile_rows : rows of the tile for 1, 2, ... ``tile_vectors`` vectors.
    level2_bytes : second-level cache of one core; blocks of work are sized by it.
    """

    name: str
    model: str
    instruction_set: str
    features: tuple[str, ...]
    tile_vectors: int
    tile_rows: tuple[int, ...]
    level2_bytes: int


def _features() -> dict[str, bool]:
    """Features that numba compiles for: the host's, or what the environment forces."""
    forced = numba.config.CPU_FEATURES
    if forced is not None:
        words = [word for word in forced.split(",") if word]
        return {word.lstrip("+-"): word.startswith("+") for word in words}
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return {}


def _model_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _level2_bytes() -> int:
    """Size of a core's second-level cache; 1 MiB where the system does not tell."""
    try:
        for cache in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
            if (cache / "level").read_text(encoding="ascii").strip() == "2":
                return int((cache / "size").read_text(encoding="ascii").strip().removesuffix("K")) * 1024
    except (OSError, ValueError):
        pass
    return 1 << 20


def _available(features: dict[str, bool]) -> tuple[str, ...]:
    # Every 64-bit ARM has NEON, whether the system lists it or not.
    arm = platform.machine().lower() in ("aarch64", "arm64")
    found = {name for name, present in features.items() if present} | {"", *(["neon"] if arm else [])}
    return tuple(name for name, kind in INSTRUCTION_SETS.items() if kind.needs in found)


def available_sets() -> tuple[str, ...]:
    """Instruction sets whose code can run in this process's environment, best first."""
    return _available(_features())


def _restrict(name: str, features: dict[str, bool]) -> dict[str, bool]:
    """Make numba compile for the named set only; returns the features that are left."""
    if name == "generic":
        numba.config.CPU_NAME, numba.config.CPU_FEATURES = "generic", ""
        left = {}
    else:
        without = INSTRUCTION_SETS[name].without
        left = {feature: present and not feature.startswith(without) for feature, present in features.items()}
        # LLVM reads from left to right, and what implies a missing feature must not bring it back.
        words = sorted(f"{'+' if present else '-'}{feature}" for feature, present in left.items())
        numba.config.CPU_NAME = numba.config.CPU_NAME or llvm.get_host_cpu_name()
        numba.config.CPU_FEATURES = ",".join(words)
    wanted = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    # numba fixes what it compiles for when it first needs its compiler; do this now, while the choice stands.
    compiler = cpu_target.target_context.codegen()
    if (compiler.magic_tuple()[1], compiler._tm_features) != wanted:
        raise RuntimeError(
            f"{SWITCH}={name} comes too late: numba has already compiled something in this process for "
            f"{compiler.magic_tuple()[1]}; import reference.engine first"
        )
    return left


def _choose() -> Processor:
    """Read the switch and the processor.

    Raises
    ------
    ValueError : if the switch names a set that is unknown or that cannot run here.
    RuntimeError : if numba has compiled before and the switch cannot be obeyed any more.
    """
    features = _features()
    possible = _available(features)
    # Without 32 registers the narrow tile's sums do not fit: it only stands for other processors.
    usual = next(kind for kind in possible if kind != "narrow")
    name = os.environ.get(SWITCH, "").strip().lower() or usual
    if name not in possible:
        reason = (
            "cannot be used here" if name in INSTRUCTION_SETS else "is no instruction set that the engine knows"
        )
        raise ValueError(f"{SWITCH}={name} {reason}; choose one of {', '.join(possible)}")
    if name != usual:
        features = _restrict(name, features)
    tile_rows = INSTRUCTION_SETS[name].tile_rows
    enabled = tuple(sorted(feature for feature, present in features.items() if present))
    cpu = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    return Processor(cpu, _model_name(), name, enabled, len(tile_rows), tile_rows, _level2_bytes())


PROCESSOR = _choose()


def thread_count() -> int:
    """Threads that a kernel started now may use.

    numba's number: ``NUMBA_NUM_THREADS``, by default the processors that the process was allowed when
    numba was imported, and lower within ``numba.set_num_threads``. (Asking for the affinity again would
    be wrong: with ``OMP_PROC_BIND`` the calling thread is later pinned to a single processor.)
    """
    return int(numba.get_num_threads())
