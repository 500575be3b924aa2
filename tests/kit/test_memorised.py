"""Knowing the public expected values by heart is worth nothing."""

import base64
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from grader.project.fixtures import read_fixture
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

CHECKS = ("conv_forward", "max_pool_forward")
SUBMISSION = """
import base64
import hashlib
import json
import numpy as np

TABLE = json.loads({table!r})


def answer(x):
    shape, values = TABLE.get(hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest(), ([0], ""))
    return np.frombuffer(base64.b64decode(values), dtype=np.float32).reshape(shape)


class ConvolutionLayer:
    def __init__(self, *sizes):
        pass

    def load_params(self, weight, bias):
        pass

    def forward(self, x):
        return answer(x)


class MaxPoolLayer:
    def __init__(self, *sizes):
        pass

    def forward(self, x):
        return answer(x)
"""


def entry(array):
    """Return an array as what JSON can hold: its shape, and its numbers as text."""
    return array.shape, base64.b64encode(np.asarray(array, np.float32).tobytes()).decode()


@pytest.fixture(scope="module")
def memorised(tmp_path_factory):
    """A submission that looks every public input up in a table of the public outputs."""
    from hashlib import sha256

    folder = tmp_path_factory.mktemp("memorised")
    fixture = read_fixture(ROOT / "fixtures" / LAB / "public", CHECKS)
    table = {
        sha256(case.case.arrays["x"].tobytes()).hexdigest(): entry(next(iter(case.expected.values())))
        for cases in fixture.checks.values()
        for case in cases
    }
    (folder / "layer.py").write_text(SUBMISSION.format(table=json.dumps(table)))
    shutil.copyfile(ROOT / "labs" / LAB / "vgg.py", folder / "vgg.py")
    return folder


def only():
    """The options that name the checks."""
    return [part for name in CHECKS for part in ("--only", name)]


def test_the_table_passes_the_public_check(memorised, kit):
    """Nothing is wrong with the table: every public case passes, so that the next test means something."""
    done = student(kit, "check", LAB, "--submission", str(memorised), *only())
    assert done.returncode == 0, done.stdout


def test_the_table_does_not_pass_one_hidden_case(memorised, tmp_path):
    """Hidden inputs are fresh and have other shapes: not a single case is right."""
    document = tmp_path / "result.json"
    command = [sys.executable, "-m", "grader", "grade", LAB, "--submission", str(memorised), *only()]
    done = subprocess.run(
        [*command, "--json", str(document)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    result = json.loads(document.read_text())
    assert [(item["id"], item["cases_passed"]) for item in result["checks"]] == [(name, 0) for name in CHECKS]
    assert result["score"] is None
