"""The submission as a check sees it: modules, shared objects, named outputs and read-only resources."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grader.inside.answers import SENTENCES, Said, as_texts
from grader.inside.imports import DeclaredModules
from grader.lab.checks import Sampled

Emit = Callable[[str, np.ndarray], None]


class DoesNotLoad(Said):
    """A file of the submission cannot be imported."""


class NotHanded(Said, NotImplementedError):
    """A file that need not be handed in was not."""


class NotHeld(Exception):
    """A fact that the check requires does not hold; what is said stands in the lab's own source."""

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(template.format(**values) if values else template)
        self.answer = {"required": template, "values": as_texts(values)}


class Unusable(Said):
    """An output is not an array of numbers."""


class RuledOut(Said):
    """A library was imported that the lab rules out."""


def text_of(error: BaseException) -> str:
    """Return an exception's own text; a hostile one may raise again when it is asked for it."""
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:
        return SENTENCES["unreadable"]


class Submission:
    """What a check gets as its first argument; see ``grader.lab.checks.Student`` for the promise it keeps."""

    def __init__(
        self,
        folder: Path,
        modules: DeclaredModules,
        resources: dict[str, str],
        emit: Emit,
        optional: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._optional = frozenset(optional)
        self._modules = modules
        self._resources = resources
        self._emit = emit
        self._shared: dict[str, Any] = {}
        self.emitted = 0

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.module(name)

    def module(self, name: str) -> ModuleType:
        """Import one of the submission's files by module name.

        Raises
        ------
        DoesNotLoad : the file is missing or raises while it is imported.
        NotImplementedError : the file is missing and need not be handed in.
        """
        if name in sys.modules:
            return sys.modules[name]
        if self._modules.file(name) is None and not (self._folder / f"{name}.py").is_file():
            if name in self._optional:
                raise NotHanded("optional", name=name)
            raise DoesNotLoad("not handed in", name=name)
        try:
            return importlib.import_module(name)
        except NotImplementedError:
            raise
        except BaseException as error:
            raise DoesNotLoad("not loaded", name=name, type=type(error).__name__, text=text_of(error)) from error

    def forget(self) -> None:
        """Keep nothing that `once` has made."""
        self._shared.clear()

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make()`` gave the first time in this worker."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def emit(self, name: str, value: Any) -> None:
        """Send one named output at once.

        Raises
        ------
        Unusable : the value is None or not an array of numbers.
        """
        if isinstance(value, Sampled):
            for part, array in value.parts().items():
                self._send(f"{name}/{part}", array)
        else:
            self._send(name, value)

    def _send(self, name: str, value: Any) -> None:
        if value is None:
            raise Unusable("none", name=name)
        if isinstance(value, tuple) and any(np.ndim(part) for part in value):
            raise Unusable("a tuple", name=name, count=len(value))
        try:
            array = np.array(value, order="C", copy=True, subok=False)
        except MemoryError:
            raise
        except Exception as error:
            raise Unusable("no array", name=name, name2=type(error).__name__) from error
        if array.dtype.kind not in "fiub":
            raise Unusable("no numbers", name=name, dtype=array.dtype)
        if array.dtype.itemsize > np.dtype(np.float64).itemsize:
            array = array.astype(np.float64)
        self.emitted += 1
        self._emit(name, array)

    def resource(self, name: str) -> dict[str, dict[str, np.ndarray]]:
        """Return a resource folder of ``<layer>.<parameter>.npy`` files as nested dictionaries.

        Arrays are mapped copy-on-write: the file is shared by all workers, changes stay private.
        """
        if name not in self._resources:
            raise KeyError(f"the lab has no resource {name!r}")
        found: dict[str, dict[str, np.ndarray]] = {}
        for file in sorted(Path(self._resources[name]).glob("*.npy")):
            layer, parameter = file.stem.rsplit(".", 1)
            mapped = np.load(file, mmap_mode="c", allow_pickle=False)
            found.setdefault(layer, {})[parameter] = mapped.view(np.ndarray)
        return found

    def resource_file(self, name: str) -> str:
        """Return the path of a resource that is a single file, for submissions that read it themselves."""
        path = Path(self._resources[name])
        return str(path if path.is_file() else next(file for file in sorted(path.iterdir()) if file.is_file()))

    def require(self, condition: bool, template: str, /, **values: Any) -> None:
        """Fail the check unless ``condition`` holds: ``template``, with ``values`` in its places, says why."""
        if not condition:
            raise NotHeld(template, **values)
