"""What parses Python text, one thread at a time.

CPython 3.11 counts the depth of a syntax tree in a place that all threads share, and raises ``SystemError`` when
two of them build trees at once (python/cpython issue 106905). NumPy builds one for the header of every array that
it reads.
"""

from __future__ import annotations

import ast
import io
import threading
from pathlib import Path

import numpy as np

_ONE_PARSER = threading.Lock()


def parse_source(source: bytes) -> ast.Module:
    """Return the syntax tree of a module; raises as `ast.parse` does."""
    with _ONE_PARSER:
        return ast.parse(source)


def read_arrays(source: Path | bytes) -> dict[str, np.ndarray]:
    """Return all arrays of an ``.npz``; raises as `numpy.load` does. Nothing is ever unpickled."""
    with (
        _ONE_PARSER,
        np.load(io.BytesIO(source) if isinstance(source, bytes) else source, allow_pickle=False) as stored,
    ):
        return {name: stored[name] for name in stored.files}
