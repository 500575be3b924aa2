"""Moves what layers return by a few units of float32 rounding, to see how far what is compared moves.

Publishing asks for it when it runs right solutions; see `grader.publishing.conditioning`. Everything that a layer
computes is a sum that another right program rounds otherwise, so every output is moved a little in both passes.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

# Relative error of one rounding to float32, and by how many of these at most an output is moved.
UNIT, UNITS = 2.0**-24, 2
STILL = 0
PASSES = ("forward", "backward")


class Roundings:
    """Moves the outputs of all classes in some folders' modules while it is active.

    A class takes part if it has a method named as one of the two passes, or gives its objects such an attribute.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(str(folder) for folder in folders)
        self._rng: np.random.Generator | None = None
        self._known: set[type] = set()

    @contextmanager
    def active(self, seed: int) -> Iterator[None]:
        """Move every output by other random amounts for every seed, as long as the context lasts.

        With `STILL` nothing moves; what is made meanwhile can be moved later.
        """
        self._watch_classes()
        self._rng = np.random.Generator(np.random.Philox(key=seed)) if seed != STILL else None
        try:
            yield
        finally:
            self._rng = None

    def moved(self, value: Any) -> Any:
        """Return an output with its rounding changed; what is no array of fractions stays as it is.

        Sums are rounded relative to their terms, which may cancel: each entry moves by a few units of its own size
        and of the array's root mean square. A zero comes from no sum, or from none that was rounded, and stays.
        """
        if self._rng is None or not isinstance(value, np.ndarray | np.floating):
            return value
        array = np.asarray(value)
        if array.dtype.kind != "f" or array.size == 0:
            return value
        wide = array.astype(np.float64)
        size = float(np.sqrt(np.mean(wide * wide)))
        noise = self._rng.uniform(-1.0, 1.0, array.shape)
        noise *= UNITS * UNIT * (np.abs(wide) + size)
        noise[wide == 0] = 0
        wide += noise
        result = wide.astype(array.dtype)
        return result if isinstance(value, np.ndarray) else result[()]

    def _watch_classes(self) -> None:
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None) or ""
            if not file.startswith(self.folders):
                continue
            for item in list(vars(module).values()):
                if inspect.isclass(item) and item.__module__ == module.__name__ and item not in self._known:
                    self._known.add(item)
                    self._watch(item)

    def _watch(self, owner: type) -> None:
        for name in PASSES:
            method = vars(owner).get(name)
            if inspect.isfunction(method):
                setattr(owner, name, self._wrapped(method))
        if "__init__" in vars(owner):
            owner.__init__ = self._wrapped_start(vars(owner)["__init__"])  # type: ignore[misc]

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self.moved(function(*args, **kwargs))

        return call

    def _wrapped_start(self, start: Callable[..., None]) -> Callable[..., None]:
        """Some layers choose one of two versions when they are made, and keep it as an attribute."""

        @functools.wraps(start)
        def call(layer: Any, *args: Any, **kwargs: Any) -> None:
            start(layer, *args, **kwargs)
            for name in PASSES:
                chosen = getattr(layer, "__dict__", {}).get(name)
                if callable(chosen):
                    setattr(layer, name, self._wrapped(chosen))

        return call
