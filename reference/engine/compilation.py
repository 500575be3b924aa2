"""Compile kernels once per machine, and inner routines once instead of once per caller.

numba's own disk cache notices a change of the one file in which a kernel stands, but not of the modules
that emit its vector code, and it stores beside the source. Here the key of a kernel is a hash over the
processor, numba's version, and the kernel's file with all engine files that it imports, so a stale
kernel is never loaded and a shared home directory serves machines of different kinds.

numba also compiles everything that a kernel calls into the kernel again, three times over for a
parallel one. A :func:`routine` is compiled once, and kernels call it by address: this cuts the time to
compile the engine by a factor of three.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import hashlib
import inspect
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.core import caching

from .processor import PROCESSOR

CACHE_VARIABLE = "ENGINE_CACHE_DIR"
"""Environment variable that moves the cache; without it numba's variable, then the user's cache folder."""

KERNELS_NAME = "kernels"
"""Folder of compiled kernels beside the engine's files: a copy of the engine may bring its own, ready to load."""

_ENGINE = Path(__file__).parent


@functools.lru_cache(maxsize=1)
def cache_directory() -> Path:
    """Folder of the compiled kernels for this processor and this numba."""
    words = (numba.__version__, PROCESSOR.name, PROCESSOR.instruction_set, *PROCESSOR.features)
    tile = f"{PROCESSOR.tile_vectors} {PROCESSOR.tile_rows}"
    digest = hashlib.sha256("\0".join((*words, tile)).encode()).hexdigest()
    # Numba keeps the names of modules, so a copy of this package under another name needs kernels of its own.
    return _cache_root() / f"{PROCESSOR.instruction_set}-{digest[:16]}-{__name__.rpartition('.')[0]}"


def _cache_root() -> Path:
    if (_ENGINE / KERNELS_NAME).is_dir():
        return _ENGINE / KERNELS_NAME
    configured = os.environ.get(CACHE_VARIABLE) or numba.config.CACHE_DIR
    if configured:
        return Path(configured) / "engine"
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lab-engine"
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
    except OSError:
        # A read-only home (a container, a jail) still gets a cache for the life of the machine.
        return Path(tempfile.gettempdir()) / f"lab-engine-{getattr(os, 'getuid', int)()}"
    return root


@functools.cache
def _imports(file: Path) -> frozenset[Path]:
    """Engine files that ``file`` imports directly."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = file.parents[node.level - 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found.update(folder.joinpath(*name.split(".")).with_suffix(".py") for name in names)
    return frozenset(path for path in found if path.is_file())


@functools.cache
def _source_digest(file: Path) -> str:
    """Hash over ``file`` and every engine file that it needs."""
    seen: set[Path] = set()
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imports(path))
    digest = hashlib.sha256()
    for path in sorted(seen):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _Locator(caching._CacheLocator):
    """Tells numba where a kernel's files are and which source they were made from."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_file = inspect.getfile(function)
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_directory())

    def get_source_stamp(self) -> str:
        return _source_digest(Path(self._py_file))

    def get_disambiguator(self) -> str:
        return f"{Path(self._py_file).parent.name}-{self._line}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012


class _RoutineCache(caching.FunctionCache):
    _impl_class = _Implementation

    def save_overload(self, sig: Any, data: Any) -> None:
        # Kernels may lie where nothing can be written: what is missing there costs its compilation, each time.
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _KernelCache(_RoutineCache):
    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # numba comes here before it compiles or loads a kernel: the last moment to provide what it calls.
        arguments = sig.args if hasattr(sig, "args") else sig
        present = {argument.dtype for argument in arguments if isinstance(argument, types.Array)}
        for dtype in present.intersection(_ROUTINE_DTYPES):
            for provided in _ROUTINES:
                if types.int32 in present or not provided.integers:
                    provided.provide(dtype)
        return super().load_overload(sig, target_context)


_ROUTINE_DTYPES = (types.float32, types.float64)
_ROUTINES: list[_Routine] = []


class _Routine:
    """A function that kernels call by a symbol's address instead of carrying a copy."""

    def __init__(self, function: Callable[..., Any], arguments: str) -> None:
        self.dispatcher = _dispatcher(function, _RoutineCache)
        self._arguments = arguments
        self.integers = "c" in arguments
        self._provided: set[Any] = set()

    def provide(self, dtype: Any) -> None:
        """Compile or load the routine for ``dtype`` and publish its symbol."""
        if dtype in self._provided:
            return
        self._provided.add(dtype)
        kinds = {
            "n": types.intp,
            "a": types.Array(dtype, 1, "C"),
            "i": types.Array(types.int64, 1, "C"),
            "c": types.Array(types.int32, 1, "C"),
            "s": dtype,
        }
        signature = tuple(kinds[kind] for kind in self._arguments)
        self.dispatcher.disable_compile(False)
        self.dispatcher.compile(signature)
        # Callers convert their integers to this signature instead of asking for another one.
        self.dispatcher.disable_compile(True)
        compiled = self.dispatcher.overloads[signature]
        symbol = f"engine_{self.dispatcher.__name__}_{dtype}"
        llvm.add_symbol(symbol, compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))
        outside = copy.copy(compiled.fndesc)
        outside.mangled_name = symbol
        compiled.target_context.insert_user_function(compiled.entry_point, outside, ())


def _dispatcher(function: Callable[..., Any], cache: type, parallel: bool = False) -> Any:
    dispatcher = numba.njit(nogil=True, error_model="numpy", parallel=parallel)(function)
    dispatcher._cache = cache(function)
    return dispatcher


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
    return _dispatcher(function, _KernelCache, parallel)


def routine(arguments: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function once for float32 and once for float64, for all kernels that call it.

    Parameters
    ----------
    arguments : one letter per argument: ``n`` an integer, ``a`` a flat array of the element type,
        ``i`` a flat int64 array, ``c`` a flat int32 array, ``s`` a scalar of the element type. Nothing is
        returned. A routine with ``c`` is compiled only for kernels that also have an int32 array.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        made = _Routine(function, arguments)
        _ROUTINES.append(made)
        return made.dispatcher

    return decorate
