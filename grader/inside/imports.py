"""How a submission's imports are found: declared files first, the names of old courses, removed functions."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from grader.inside.answers import SENTENCES, said

UPLOAD_PACKAGE = "stu_upload"
SHIMS = {"scipy.misc": "grader.inside.scipy_misc"}


class DeclaredModules:
    """Import hook that finds the files that the lab declares, whatever else of that name is installed.

    ``declared`` files come from the submission only; ``given`` ones, which may be packages, from the lab where they
    were not handed in.
    ``stu_upload.NAME``, as some courses import, is the module ``NAME``.
    """

    def __init__(self, student: Path, lab: Path, declared: Sequence[str], given: Sequence[str]) -> None:
        self.places: dict[str, tuple[Path, ...]] = {name: (student / f"{name}.py",) for name in declared}
        self.places |= {
            name: tuple(
                file for folder in (student, lab) for file in (folder / f"{name}.py", folder / name / "__init__.py")
            )
            for name in given
        }

    def file(self, name: str) -> Path | None:
        """Return the file of a declared or given module, None if it is neither or missing."""
        return next((file for file in self.places.get(name, ()) if file.is_file()), None)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of such a file or alias, or None to let the usual search go on."""
        if name == UPLOAD_PACKAGE:
            return importlib.machinery.ModuleSpec(name, _Empty(), is_package=True)
        if name.startswith(f"{UPLOAD_PACKAGE}."):
            return importlib.machinery.ModuleSpec(name, _Alias(name.removeprefix(f"{UPLOAD_PACKAGE}.")))
        file = self.file(name)
        return importlib.util.spec_from_file_location(name, file) if file is not None else None


class RemovedFunctions:
    """Import hook that gives modules which libraries no longer have, where the lab says so."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = {name: SHIMS[name] for name in names}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a stand-in, or None to let the usual search go on."""
        if name not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, _Alias(self.names[name]))

    def notes(self) -> list[dict[str, Any]]:
        """Say which removed functions were used."""
        found = []
        for name, stand_in in self.names.items():
            functions = sorted(importlib.import_module(stand_in).used)
            found += [said("replaced", name=name, function=function) for function in functions]
        return found


def possible_notes() -> frozenset[str]:
    """Return all that `RemovedFunctions.notes` can say; anything else is a submission's own words."""
    modules = {name: importlib.import_module(stand_in) for name, stand_in in SHIMS.items()}
    return frozenset(
        SENTENCES["replaced"].format(name=name, function=function)
        for name, module in modules.items()
        for function, value in vars(module).items()
        if isinstance(value, FunctionType)
    )


class _Empty(importlib.abc.Loader):
    """Loader of a package without content."""

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        return None


class _Alias(importlib.abc.Loader):
    """Loader that gives a module under a second name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.own_spec: Any = None

    def create_module(self, spec: Any) -> ModuleType:
        module = importlib.import_module(self.name)
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the alias's spec into the module.
        module.__spec__ = self.own_spec
