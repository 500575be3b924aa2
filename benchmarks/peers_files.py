"""What other graders need to grade one small convolution: their checks and settings."""

from __future__ import annotations

import json
from typing import Any

PYTEST = '''"""The forward pass on one recorded case."""

import importlib.util
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def test_forward():
    # By its path: in one process all submissions have the same name.
    found = importlib.util.spec_from_file_location("layer", HERE / "layer.py")
    layer = importlib.util.module_from_spec(found)
    found.loader.exec_module(layer)
    case = np.load(HERE / "case.npz")
    outputs = layer.Layer(case["weight"], case["bias"]).forward(case["inputs"])
    assert np.allclose(outputs, case["outputs"], rtol=1e-4, atol=1e-4)
'''
NBGRADER_TEST = """import numpy as np

case = np.load("case.npz")
outputs = Layer(case["weight"], case["bias"]).forward(case["inputs"])
assert np.allclose(outputs, case["outputs"], rtol=1e-4, atol=1e-4)
"""
CHECK50 = """check50:
  files:
    - !exclude "*"
    - !require layer.py
"""
CHECK50_CHECKS = '''import pathlib

import check50
import check50.py
import numpy as np


@check50.check()
def forward():
    """forward pass"""
    case = np.load(pathlib.Path(__file__).parent / "case.npz")
    layer = check50.py.import_("layer.py")
    outputs = layer.Layer(case["weight"], case["bias"]).forward(case["inputs"])
    if not np.allclose(outputs, case["outputs"], rtol=1e-4, atol=1e-4):
        raise check50.Failure("wrong numbers")
'''
OTTER_TEST = """OK_FORMAT = True
test = {
    "name": "q1",
    "points": 1,
    "suites": [{"cases": [{
        "code": ">>> import numpy\\n"
                ">>> case = numpy.load('case.npz')\\n"
                ">>> outputs = Layer(case['weight'], case['bias']).forward(case['inputs'])\\n"
                ">>> bool(numpy.allclose(outputs, case['outputs'], rtol=1e-4, atol=1e-4))\\n"
                "True",
        "hidden": False, "locked": False,
    }], "scored": True, "setup": "", "teardown": "", "type": "doctest"}],
}
"""
NBGRADER_CONFIG = """c = get_config()
c.CourseDirectory.course_id = "peers"
c.CourseDirectory.root = "."
c.Exchange.path_includes_course = True
"""


def cell(source: str, **metadata: Any) -> dict[str, Any]:
    """Return a cell of code."""
    return {
        "cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source,
    }  # fmt: skip


def notebook(cells: list[dict[str, Any]]) -> str:
    """Return a notebook for Python."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for number, one in enumerate(cells):
        one["id"] = f"cell{number}"
    whole = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole)
