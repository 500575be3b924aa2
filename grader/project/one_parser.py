"""What parses Python text, one thread at a time.

CPython 3.11 counts the depth of a syntax tree in a place that all threads share, and raises ``SystemError`` when
two of them build trees at once (python/cpython issue 106905). NumPy builds one for the header of every array that
it reads.
"""

from __future__ import annotations

import ast
import io
import threading
import tokenize
from pathlib import Path
from typing import IO, Any

import numpy as np

_ONE_PARSER = threading.Lock()


def parse_source(source: bytes) -> ast.Module:
    """Return the syntax tree of a module; raises as `ast.parse` does."""
    with _ONE_PARSER:
        return ast.parse(source)


def read_array_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of the array whose ``.npy`` form begins here; nothing of its size is made.

    Raises
    ------
    ValueError : it does not begin with such a header.
    """
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"a header of version {version}")
    with _ONE_PARSER:
        try:
            shape, _order, dtype = readers[version](stream)
        except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError, TypeError) as error:
            raise ValueError("a header that cannot be read") from error
    return shape, dtype


def read_array(stream: IO[bytes]) -> np.ndarray:
    """Return the array in ``.npy`` form; raises as `numpy.load` does. Nothing is ever unpickled."""
    with _ONE_PARSER:
        found: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        return found


def read_arrays(source: Path | bytes) -> dict[str, np.ndarray]:
    """Return all arrays of an ``.npz``; raises as `numpy.load` does. Nothing is ever unpickled."""
    with (
        _ONE_PARSER,
        np.load(io.BytesIO(source) if isinstance(source, bytes) else source, allow_pickle=False) as stored,
    ):
        return {name: stored[name] for name in stored.files}
