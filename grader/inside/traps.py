"""Traps in the place of functions that a lab rules out in a library that it allows otherwise.

However such a function is reached - ``cv2.filter2D``, ``getattr`` with a computed name, a string that is executed -
what is reached is the trap, and calling it is noted. The library itself gets the real one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any

from grader.inside.loaders import Afterwards, AroundOthers

Note = Callable[[str, FrameType], bool]


class Trap:
    """Stands for one function or submodule; ``note`` says whether the submission is the one that uses it."""

    def __init__(self, name: str, real: Any, note: Note) -> None:
        self.__dict__.update(_name=name, _real=real, _note=note)

    def _use(self) -> Any:
        if self._note(self._name, sys._getframe(2)):
            raise PermissionError(f"{self._name} is ruled out in this lab: write it yourself")
        return self._real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._use()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # The import machinery and inspection ask for these; to look at a function is not to use it.
        is_special = name.startswith("__")
        return getattr(self._real if is_special else self._use(), name)


class TrappedModules(AroundOthers):
    """Import hook that sets the traps as soon as a module with ruled-out names has been imported."""

    def __init__(self, forbid: Sequence[str], note: Note) -> None:
        super().__init__()
        self.note = note
        self.traps: dict[str, list[str]] = {}
        self.under_way: Counter[str] = Counter()
        for name in forbid:
            module, _, attribute = name.rpartition(".")
            if module:
                self.traps.setdefault(module, []).append(attribute)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that the other hooks find, with a loader that sets traps; None for other modules."""
        if name not in self.traps:
            return None
        spec = self.found_by_others(name, path, target)
        if spec is not None:
            spec.loader = _Trapping(spec.loader, self)
        return spec

    def set_traps(self, module: ModuleType) -> None:
        """Replace the ruled-out names that the module has."""
        for attribute in self.traps[module.__name__]:
            name = f"{module.__name__}.{attribute}"
            real = vars(module).get(attribute)
            if real is None or isinstance(real, Trap):
                continue
            trap = Trap(name, real, self.note)
            # OpenCV keeps its compiled part, which has the same name, in an attribute of the package.
            for holder in (module, *(part for part in vars(module).values() if _is_part(part, module))):
                setattr(holder, attribute, trap)
            if name in sys.modules:
                sys.modules[name] = trap  # type: ignore[assignment]


def _is_part(value: object, module: ModuleType) -> bool:
    return isinstance(value, ModuleType) and value.__name__ == module.__name__


class _Trapping(Afterwards):
    """A loader that does what the real one does, and sets the traps afterwards."""

    def __init__(self, real: Any, modules: TrappedModules) -> None:
        super().__init__(real, modules.set_traps)
        self._under_way = modules.under_way

    def exec_module(self, module: ModuleType) -> None:
        # A package may import a compiled module of its own name; it is to find that as it is.
        name = module.__name__
        self._under_way[name] += 1
        try:
            self._real.exec_module(module)
        finally:
            self._under_way[name] -= 1
        if self._under_way[name] == 0:
            self._then(module)
