"""Runs in the student's own process, before its prompt: loads a case and the student's files.

``python -i prompt.py CASE.npz MODULE…`` in the folder of the work. Nothing of the grader is imported here but what
a lab gives; after it, ``case`` and the modules are names of the prompt.
"""

import importlib
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

import numpy as np

SETTINGS = "_settings"


def load_case(file: str) -> SimpleNamespace:
    """Return the settings and arrays of a case as attributes: numbers, texts and tuples as such."""
    with np.load(file) as stored:
        values = {name: stored[name] for name in stored.files if name != SETTINGS}
        settings = set(stored[SETTINGS].tolist())
    return SimpleNamespace(**{name: _plain(value) if name in settings else value for name, value in values.items()})


def _plain(value: np.ndarray) -> object:
    return tuple(value.tolist()) if value.ndim else value.item()


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    case = load_case(sys.argv[1])
    for _name in sys.argv[2:]:
        try:
            globals()[_name] = importlib.import_module(_name)
        except BaseException:
            traceback.print_exc(limit=-2)
    sys.argv = [""]
