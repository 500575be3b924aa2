"""Loads what a lab is written in: its checks and its experiment, outside as well as in the box."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from grader.lab.checks import Check

CHECKS_MODULE = "_lab_checks"


def load_checks(file: Path) -> dict[str, Check]:
    """Import a lab's ``checks.py`` and return its checks by id, in the order in which they are written.

    A long one has parts: ``from . import checks_layers, checks_network`` imports the files of those names beside
    it, and their checks come first, part by part.
    """
    folder = str(file.parent)
    spec = importlib.util.spec_from_file_location(CHECKS_MODULE, file, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    for name in [name for name in sys.modules if name.startswith(f"{CHECKS_MODULE}.")]:
        del sys.modules[name]
    module = importlib.util.module_from_spec(spec)
    sys.modules[CHECKS_MODULE] = module
    spec.loader.exec_module(module)
    parts = [part for name, part in sys.modules.items() if name.startswith(f"{CHECKS_MODULE}.")]
    return {
        value.id: value for part in (*parts, module) for value in vars(part).values() if isinstance(value, Check)
    }


EXPERIMENT_NAME = "experiment.py"


EXPERIMENT_MODULE = "_lab_experiment"


def load_run(file: Path) -> Any:
    """Import a lab's ``experiment.py`` and return its ``run``; a long one imports its parts like ``checks.py``."""
    spec = importlib.util.spec_from_file_location(
        EXPERIMENT_MODULE, file, submodule_search_locations=[str(file.parent)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    for name in [name for name in sys.modules if name.startswith(f"{EXPERIMENT_MODULE}.")]:
        del sys.modules[name]
    module = importlib.util.module_from_spec(spec)
    sys.modules[EXPERIMENT_MODULE] = module
    spec.loader.exec_module(module)
    return module.run
