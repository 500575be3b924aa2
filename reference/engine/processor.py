"""What this processor can do, and the register tile that suits it.

The choice is made once, at import, from the features that LLVM will compile for (so that
``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` are obeyed) and never fails: a processor that nobody
thought of gets the generic tile.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import llvmlite.binding as llvm
import numba

VECTOR_BYTES = 64
"""Width of the engine's logical vector: one cache line, 16 float32 or 8 float64.

Where the hardware is narrower LLVM splits it (two AVX2 or four NEON registers), so the layout of
every buffer is the same on every machine and only the register tile below changes.
"""


@dataclass(frozen=True)
class Processor:
    """Instruction set in use and the tile geometry derived from it.

    Attributes
    ----------
    name : LLVM's name of the processor.
    model : the vendor's name, for reports.
    instruction_set : ``"avx512"``, ``"avx2"``, ``"neon"`` or ``"generic"``.
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


def _detect() -> Processor:
    features = _features()
    enabled = tuple(sorted(name for name, present in features.items() if present))
    if features.get("avx512f"):
        # 32 registers of 64 bytes: 24 accumulators, 4 columns of B, 1 broadcast of A.
        name, vectors = "avx512", 4
        rows: tuple[int, ...] = (8, 8, 6, 6)
    elif features.get("avx2"):
        # 16 registers of 32 bytes: 6 rows of one logical vector are 12 accumulators.
        name, vectors, rows = "avx2", 1, (6,)
    elif platform.machine().lower() in ("aarch64", "arm64"):
        # 32 registers of 16 bytes: 6 rows of one logical vector are 24 accumulators.
        name, vectors, rows = "neon", 1, (6,)
    else:
        name, vectors, rows = "generic", 1, (2,)
    cpu = numba.config.CPU_NAME or llvm.get_host_cpu_name()
    return Processor(cpu, _model_name(), name, enabled, vectors, rows, _level2_bytes())


PROCESSOR = _detect()


def thread_count() -> int:
    """Threads that a kernel started now may use.

    numba's number: ``NUMBA_NUM_THREADS``, by default the processors that the process was allowed when
    numba was imported, and lower within ``numba.set_num_threads``. (Asking for the affinity again would
    be wrong: with ``OMP_PROC_BIND`` the calling thread is later pinned to a single processor.)
    """
    return int(numba.get_num_threads())
