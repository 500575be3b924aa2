"""Import hooks that touch a module up once it is there, whoever finds it, and the loader they set around it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class Afterwards(importlib.abc.Loader):
    """A loader that does what the real one does, and something with the module afterwards."""

    def __init__(self, real: Any, then: Callable[[ModuleType], None]) -> None:
        self._real = real
        self._then = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        self._then(module)


class AroundOthers:
    """An import hook that takes what the others find: it asks all, and answers nobody while it does."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def found_by_others(self, name: str, path: Any, target: Any) -> importlib.machinery.ModuleSpec | None:
        """Return the spec that the other hooks find, with a loader; None if they find none."""
        if name in self._asked:
            return None
        self._asked.add(name)
        try:
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target)
                if spec is not None and spec.loader is not None:
                    return spec
        finally:
            self._asked.discard(name)
        return None
