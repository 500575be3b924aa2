"""Reads a course's own checkpoint inside the jail: a pickle runs code, so it is opened only here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from grader.inside.runner import describe
from grader.inside.submission import Emit

__all__ = ["Runner", "describe"]


class Runner:
    """Serves ``names`` and ``get`` for the file that the resource ``weights`` holds."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.file = Path(config["resources"]["weights"])
        self.found: dict[str, Any] | None = None

    def handle(self, head: dict[str, Any], arrays: dict[str, np.ndarray], emit: Emit) -> dict[str, Any]:
        """``names`` returns the names of all parameters, ``get`` sends one of them."""
        if self.found is None:
            self.found = flatten(np.load(self.file, allow_pickle=True))
        if head["op"] == "names":
            return {"names": sorted(self.found)}
        emit("value", np.ascontiguousarray(self.found[head["name"]], dtype=np.float32))
        return {}


def flatten(stored: Any) -> dict[str, Any]:
    """Return ``<layer>.<parameter>`` to arrays from ``{layer: {parameter: array}}`` or an object array of it."""
    content = stored.item() if isinstance(stored, np.ndarray) else stored
    found = {}
    for layer, parameters in content.items():
        if isinstance(parameters, dict):
            for name, value in parameters.items():
                found[f"{layer}.{name}"] = value
        else:
            found[str(layer)] = parameters
    return found
