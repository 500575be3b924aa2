"""Compile kernels once per machine: numba's disk cache with a key that misses nothing.

numba's own cache notices a change of the one file in which a kernel stands, but not of the modules
that emit its vector code, and it stores beside the source. Here the folder's name is a hash over the
processor, numba's version and every source file of the engine, so a stale kernel cannot be loaded
and a shared home directory serves machines of different kinds.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

from .processor import PROCESSOR

CACHE_VARIABLE = "ENGINE_CACHE_DIR"
"""Environment variable that moves the cache; without it numba's variable, then the user's cache folder."""


@functools.lru_cache(maxsize=1)
def cache_directory() -> Path:
    """Folder of the compiled kernels for this processor, numba and engine source."""
    digest = hashlib.sha256()
    for part in (numba.__version__, PROCESSOR.name, PROCESSOR.instruction_set, *PROCESSOR.features):
        digest.update(part.encode() + b"\0")
    digest.update(f"{PROCESSOR.tile_vectors} {PROCESSOR.tile_rows}".encode())
    folder = Path(__file__).parent
    for source in sorted(folder.rglob("*.py")):
        digest.update(str(source.relative_to(folder)).encode() + b"\0" + source.read_bytes())
    return _cache_root() / f"{PROCESSOR.instruction_set}-{digest.hexdigest()[:16]}"


def _cache_root() -> Path:
    configured = os.environ.get(CACHE_VARIABLE) or numba.config.CACHE_DIR
    if configured:
        return Path(configured) / "engine"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = base / "lab-engine"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        # A read-only home (a container, a jail) still gets a cache for the life of the machine.
        return Path(tempfile.gettempdir()) / f"lab-engine-{os.getuid()}"
    return root


class _Locator(caching._CacheLocator):  # type: ignore[misc]
    """Tells numba where a kernel's files are; the folder's name already carries the version."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_file = inspect.getfile(function)
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_directory())

    def get_source_stamp(self) -> str:
        return cache_directory().name

    def get_disambiguator(self) -> str:
        return f"{Path(self._py_file).parent.name}-{self._line}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func)


class _KernelCacheImplementation(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _KernelCache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _KernelCacheImplementation


def kernel(function: Callable[..., Any] | None = None, *, parallel: bool = False) -> Any:
    """Compile a function of flat arrays and integers, and keep the machine code on disk.

    Parameters
    ----------
    function : the function; ``@kernel`` and ``@kernel(parallel=True)`` both work.
    parallel : whether ``numba.prange`` loops are spread over threads.

    Notes
    -----
    Nothing is compiled or read before the first call. Division follows numpy's rules because the
    checks of Python's cost time in inner loops; indices are not checked.
    """
    if function is None:
        return functools.partial(kernel, parallel=parallel)
    dispatcher = numba.njit(nogil=True, error_model="numpy", parallel=parallel)(function)
    dispatcher._cache = _KernelCache(function)
    return dispatcher
