"""What a student reads about a run that returned nothing to compare."""

import gettext
from types import SimpleNamespace

import pytest

from grader.explain.messages import describe_outcome, instruction, next_step
from grader.inside.answers import SENTENCES
from grader.lab.checks import Check, one_case
from grader.language import translation
from grader.language.message import Message
from grader.language.translation import speaking
from grader.project.places import Project
from grader.run.answers import Frame
from grader.run.session import Outcome
from grader.verdicts import Verdict
from tests.golden import ROOT


@pytest.mark.parametrize(
    "message",
    [
        "layer.py does not load: SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xbe in position 0",
        "layer.py does not load: SyntaxError: source code string cannot contain null bytes",
    ],
)
def test_a_file_in_another_encoding_is_told_apart(message):
    """GBK and UTF-16, as editors on Windows write them, get the advice to save as UTF-8."""
    outcome = Outcome(Verdict.IMPORT, message, "SyntaxError")
    assert "save it in your editor as UTF-8" in describe_outcome(outcome)


def test_next_step_names_a_file_that_was_not_handed_in():
    """To import a file that is not there is no advice."""
    lab = Project(ROOT).lab("vgg16")
    check = lab.checks["conv_forward"]
    absent = Message(SENTENCES["not handed in"], {"name": "layer"})
    assert "hand in layer.py" in next_step(lab, check, Verdict.IMPORT, Outcome(Verdict.IMPORT, absent))
    misspelt = Outcome(Verdict.IMPORT, Message(SENTENCES["no such name"], {"name": "layer", "name2": "Relu"}))
    said = next_step(lab, check, Verdict.IMPORT, misspelt)
    assert said == "define `Relu` in stu_upload/vgg16/layer.py, spelled exactly so"
    other = Outcome(Verdict.IMPORT, "layer.py does not load: NameError: x")
    assert "stu_upload/vgg16/layer.py` run without an error" in next_step(lab, check, Verdict.IMPORT, other)


def test_a_long_text_is_looked_up_once(monkeypatch):
    """However many colons a submission's text has, translating it is one look into the catalogue."""
    looked = []

    class Catalogue(gettext.NullTranslations):
        def gettext(self, message):
            looked.append(message)
            return message

    monkeypatch.setattr(translation, "_catalogue", lambda language, lab=None: Catalogue())
    text = ": " * 300
    for verdict in (Verdict.EXCEPTION, Verdict.WRONG, Verdict.IMPORT, Verdict.UNFINISHED):
        looked.clear()
        describe_outcome(Outcome(verdict, text, "ValueError"))
        assert len(looked) <= 3


def test_what_an_open_hole_raises_is_told_in_the_readers_language():
    """Its instruction stands in the lab's catalogue; what is none of its holes stays as it is."""
    lab = ROOT / "labs" / "lenet"
    said = "TODO lenet_layers: fill self.layers by the table of section 7"
    assert instruction(said, lab) == said
    with speaking("zh"):
        assert instruction(f"x: {said}", lab) == "x: TODO lenet_layers: 按第 7 节的表填写 self.layers"
        assert instruction("TODO mine: {0.x}", lab) == "TODO mine: {0.x}"


def test_a_call_without_an_end_is_looked_for_at_its_place(tmp_path):
    """Nothing is said of a library that the lab may not even use."""
    check = Check("conv", "Convolution", lambda student, case: None, 60, one_case())
    lab = SimpleNamespace(name="lenet")
    where = Outcome(Verdict.TIMEOUT, frames=(Frame("conv.py", 91, "conv2d", "while True: pass"),))
    step = next_step(lab, check, Verdict.TIMEOUT, where)
    assert "conv.py:91" in step and "numba" not in step + next_step(lab, check, Verdict.TIMEOUT)
