"""Gives names back that Python 3 and NumPy no longer have, for submissions that were written with them.

``np.float`` and its like were Python's own types under another name; ``xrange`` was what ``range`` is now.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from grader.inside.answers import SENTENCES, said

REPLACED = "old name"
TYPES = {"float": float, "int": int, "bool": bool, "complex": complex, "object": object, "str": str}
used: set[str] = set()


def install() -> None:
    """Put the names in place; those that this NumPy has itself stay."""
    before = getattr(np, "__getattr__", None)

    def __getattr__(name: str) -> Any:
        if name in TYPES:
            used.add(f"numpy.{name}")
            return TYPES[name]
        if before is None:
            raise AttributeError(f"module 'numpy' has no attribute {name!r}")
        return before(name)

    vars(np)["__getattr__"] = __getattr__
    vars(builtins)["xrange"] = xrange


def xrange(*bounds: int) -> range:
    """Return ``range`` of the same bounds."""
    used.add("xrange")
    return range(*bounds)


def notes() -> list[dict[str, Any]]:
    """Say which of the names were used."""
    return [said(REPLACED, name=name) for name in sorted(used)]


def possible_notes() -> list[str]:
    """Return all that `notes` can say."""
    return [SENTENCES[REPLACED].format(name=name) for name in ("xrange", *(f"numpy.{name}" for name in TYPES))]
