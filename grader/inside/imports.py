"""How a submission's imports are found: declared files first, the names of old courses, removed functions."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from grader.inside import old_names
from grader.inside.answers import SENTENCES, said
from grader.inside.loaders import Afterwards, AroundOthers
from grader.inside.quotients import WholeQuotients
from grader.inside.stand_ins import ROOTS

UPLOAD_PACKAGE = "stu_upload"
SHIMS = {"scipy.misc": "grader.inside.scipy_misc"}
OLD_NAMES = "python2"
# Libraries that a lab may answer by a given package of their name, over the submission's own modules.
ANSWERED_BY_LABS = ("tensorflow",)


class DeclaredModules:
    """Import hook that finds the files that the lab declares, whatever else of that name is installed.

    ``declared`` files come from the submission only; ``given`` ones, which may be packages, from the lab where they
    were not handed in.
    ``stu_upload.NAME``, as some courses import, is the module ``NAME``.
    """

    def __init__(self, student: Path, lab: Path, declared: Sequence[str], given: Sequence[str]) -> None:
        self.student = student
        self.whole_quotients = False
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
        if self.whole_quotients and file is None and "." not in name and (self.student / f"{name}.py").is_file():
            file = self.student / f"{name}.py"
        if file is None:
            return None
        loader = WholeQuotients(name, str(file)) if self.whole_quotients and self.student in file.parents else None
        return importlib.util.spec_from_file_location(name, file, loader=loader)

    def forget(self, *, whole_quotients: bool) -> None:
        """Let every module of the submission be loaded anew, with quotients as Python 2 took them if so asked."""
        self.whole_quotients = whole_quotients
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{self.student}{os.sep}"):
                del sys.modules[name]


class RemovedFunctions(AroundOthers):
    """Import hook that gives modules which libraries no longer have, where the lab says so.

    They are also attributes of their package, as they were: ``import scipy.io`` was enough for ``scipy.misc``.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = {name: SHIMS[name] for name in names if name in SHIMS}
        if OLD_NAMES in names:
            old_names.install()
        for package in {name.partition(".")[0] for name in self.names} & set(sys.modules):
            self._set_attributes(sys.modules[package])

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a stand-in, or None to let the usual search go on."""
        if name in self.names:
            return importlib.machinery.ModuleSpec(name, _Alias(self.names[name]))
        if not any(removed.startswith(f"{name}.") for removed in self.names):
            return None
        spec = self.found_by_others(name, path, target)
        if spec is not None:
            spec.loader = Afterwards(spec.loader, self._set_attributes)
        return spec

    def _set_attributes(self, package: ModuleType) -> None:
        for name, stand_in in self.names.items():
            root, _dot, attribute = name.partition(".")
            if root == package.__name__:
                setattr(package, attribute, importlib.import_module(stand_in))

    def notes(self) -> list[dict[str, Any]]:
        """Say which removed functions were used."""
        found = []
        for name, stand_in in self.names.items():
            functions = sorted(importlib.import_module(stand_in).used)
            found += [said("replaced", name=name, function=function) for function in functions]
        return found + old_names.notes()


def possible_notes() -> frozenset[str]:
    """Return all notes that the runner can make; anything else is a submission's own words."""
    modules = {name: importlib.import_module(stand_in) for name, stand_in in SHIMS.items()}
    replaced = {
        SENTENCES["replaced"].format(name=name, function=function)
        for name, module in modules.items()
        for function, value in vars(module).items()
        if isinstance(value, FunctionType)
    }
    stand_ins = {SENTENCES["stand-in"].format(name=name) for name in ROOTS}
    own_layers = {SENTENCES["own layers"].format(name=name) for name in ANSWERED_BY_LABS}
    old = set(old_names.possible_notes())
    return frozenset(replaced | stand_ins | own_layers | old | {SENTENCES["quotients"]})


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
