"""What a student reads about a run that returned nothing to compare."""

import gettext

import pytest

from grader.explain.messages import describe_outcome, next_step
from grader.inside.answers import SENTENCES
from grader.language import translation
from grader.language.message import Message
from grader.project.places import Project
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
