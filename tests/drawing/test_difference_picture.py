"""What `--picture` writes: the first wrong output of a run, or a training's confusion matrix, or nothing."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from grader.compare import Tolerance
from grader.explain.case_run import CaseRun, differences
from grader.lab.checks import Case, Check, Learning, one_case
from grader.language.translation import speaking
from grader.project.fixtures import RecordedCase
from grader.student import difference_picture
from grader.student.difference_picture import write_difference
from tests.golden import ROOT

LAB = SimpleNamespace(folder=ROOT / "labs" / "lenet")
PLAIN = Check("conv", "Convolution", lambda student, case: None, 80, one_case())
TRAINING = Check("train", "Training", lambda student, case: None, 80, one_case(), learning=Learning(at_least=0.8))
X = np.arange(60.0, dtype=np.float32).reshape(1, 2, 5, 6)


def run(actual=None, expected=X, name="outputs", tolerance=Tolerance(1e-5, 1e-6)):  # noqa: B008
    """A run that returned ``actual`` where ``expected`` was recorded."""
    recorded = RecordedCase(Case.of("one case", x=X), {name: expected}, {name: tolerance})
    outcome = SimpleNamespace(verdict=None, outputs={name: actual}, message="", error_type="", observed={})
    return CaseRun(recorded, outcome, differences(recorded, outcome))


def classes(wrong):
    """A training that takes the first ``wrong`` of 50 pictures for the next class."""
    right = np.arange(50) % 5
    made = np.where(np.arange(50) < wrong, (right + 1) % 5, right)
    return run(made, right, "predictions", Tolerance(0.0, 0.2, "share"))


@pytest.fixture
def figures(monkeypatch):
    """The figures that are written."""
    found = []
    monkeypatch.setattr(difference_picture, "to_png", lambda figure: found.append(figure) or b"png")
    return found


def test_a_wrong_output_is_drawn(tmp_path):
    """The file is a PNG, and what is returned names output, check and case."""
    said = write_difference(run(X + 1), LAB, PLAIN, tmp_path / "wrong.png", hidden=False)
    assert said == "`outputs` of Convolution; case: one case"
    assert (tmp_path / "wrong.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(("hidden", "panels"), [(False, ["input x", "yours", "error"]), (True, ["error"])])
def test_a_hidden_case_shows_its_error_alone(figures, tmp_path, hidden, panels):
    """Input and output are drawn of public cases only."""
    write_difference(run(X + 1), LAB, PLAIN, tmp_path / "wrong.png", hidden=hidden)
    titles = [axes.get_title() for axes in figures[0].subfigs[0].axes]
    assert [title.splitlines()[0] for title in titles if title] == panels


def test_a_training_is_drawn_as_a_confusion_matrix(figures, tmp_path):
    """Its predictions are counted by class; those of hidden pictures are not drawn, and no file is made."""
    assert write_difference(classes(30), LAB, TRAINING, tmp_path / "wrong.png", hidden=False)
    assert figures[0].get_suptitle() == "40.0% of 50 are right"
    assert write_difference(classes(30), LAB, TRAINING, tmp_path / "hidden.png", hidden=True) == ""
    assert not (tmp_path / "hidden.png").exists()


def test_nothing_is_written_where_nothing_can_be_drawn(tmp_path):
    """A shape that differs has no places to draw."""
    assert write_difference(run(X[0]), LAB, PLAIN, tmp_path / "wrong.png", hidden=False) == ""
    assert not (tmp_path / "wrong.png").exists()


def test_without_a_chinese_font_the_picture_alone_is_english(figures, tmp_path, monkeypatch):
    """Everything in the picture is English then, and the line on the terminal stays Chinese."""
    monkeypatch.setattr("grader.drawing.appearance.chinese_font", lambda: None)
    with speaking("zh"):
        said = write_difference(run(X + 1), LAB, PLAIN, tmp_path / "wrong.png", hidden=False)
    assert "用例" in said
    from matplotlib.text import Text

    drawn = "".join(text.get_text() for text in figures[0].findobj(Text))
    assert "error" in drawn and not re.search("[\u4e00-\u9fff]", drawn)
