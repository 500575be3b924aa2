"""What a training is judged by is not in the box in which it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.project.contract import load_lab
from grader.project.fixtures import MANIFEST_NAME, read_fixture
from grader.project.solution import KEPT_BACK
from grader.publishing.recording import make_cases

ROOT = Path(__file__).parents[2]
LABS = [load_lab(folder.parent) for folder in sorted((ROOT / "labs").glob("*/lab.yaml"))]
TRAINING = [(lab, check) for lab in LABS for check in lab.checks.values() if check.learning is not None]


def pictures_of(file: Path) -> set[bytes]:
    """Return every picture of a file with digits or photographs."""
    with np.load(file) as stored:
        return {picture.tobytes() for name in stored.files if name.startswith("x_") for picture in stored[name]}


@pytest.mark.parametrize(("lab", "check"), TRAINING, ids=[f"{lab.name}-{check.id}" for lab, check in TRAINING])
def test_no_hidden_test_picture_is_in_the_labs_folder(lab, check):
    """A submission that looks its test pictures up in what it is given finds none of them."""
    assert check.learning.kept_back, "judged by what students are given"
    given = {picture for file in lab.folder.glob("*.npz") for picture in pictures_of(file)}
    kept_back = ROOT / "reference" / lab.name / KEPT_BACK
    assert given and not given & pictures_of(kept_back / check.learning.kept_back)
    (case,) = make_cases(lab, 5, kept_back=kept_back)[check.id]
    assert not given & {picture.tobytes() for picture in case.arrays["test"]}


@pytest.mark.parametrize(("lab", "check"), TRAINING, ids=[f"{lab.name}-{check.id}" for lab, check in TRAINING])
def test_published_hidden_cases_are_drawn_from_what_is_kept_back(lab, check):
    """The fixtures that grade today hold no picture that students are given."""
    folder = ROOT / "fixtures" / lab.name / "hidden"
    if not (folder / MANIFEST_NAME).is_file():
        pytest.skip(f"lab {lab.name} is not published yet")
    kept_back = pictures_of(ROOT / "reference" / lab.name / KEPT_BACK / check.learning.kept_back)
    for recorded in read_fixture(folder, [check.id]).checks[check.id]:
        assert {picture.tobytes() for picture in recorded.case.arrays["test"]} <= kept_back
