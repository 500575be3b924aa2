"""What a submission says about a hidden case is cut to what cannot carry the case's inputs."""

import json

import numpy as np
import pytest

from grader.compare import Finding
from grader.explain.messages import describe_run
from grader.inside.answers import SENTENCES
from grader.inside.imports import possible_notes
from grader.lab.checks import Case
from grader.language.message import Message, Words, english, sentence
from grader.project.fixtures import RecordedCase
from grader.run.answers import Answers, Frame
from grader.run.hidden import finding_without_inputs, without_inputs
from grader.run.session import Outcome
from grader.run.vocabulary import Vocabulary
from grader.verdicts import Verdict

CASE = Case("c", {"stride": 7}, {"inputs": np.zeros((4, 3, 11))})
RECORDED = RecordedCase(CASE, {"conv/shape": np.array([1])}, {})
STOLEN = "0.5 0.25 stolen"
SKELETON = 'def forward(inputs, size=5):\n    raise NotImplementedError("TODO forward: slide the kernel")\n'
OWN = "import helper\n\nclass OwnError(Exception):\n    pass\n\n\ndef forward(inputs):\n    return 1 / 0\n"
OF_WORKER = [Verdict.EXCEPTION, Verdict.IMPORT, Verdict.WRONG, Verdict.OUTPUT, Verdict.MEMORY, Verdict.FORBIDDEN]


@pytest.fixture
def folders(tmp_path):
    """A lab with a skeleton and a requirement, and a submission."""
    lab, submission = tmp_path / "lab", tmp_path / "submission"
    for folder in (lab, submission):
        folder.mkdir()
    (lab / "conv.py").write_text(SKELETON)
    (lab / "checks.py").write_text('student.require(x, "{name} has shape {shape}", name=1, shape=2)\n')
    (submission / "conv.py").write_text(OWN)
    return lab, submission


@pytest.fixture
def vocabulary(folders):
    """What is known without a case."""
    return Vocabulary.of(folders[0], ["numpy"], folders[1])


def text_of(shown):
    """Everything of an outcome that a report could show."""
    parts = [english(shown.message), shown.error_type, shown.printed, *map(english, shown.notes)]
    return " ".join([*parts, *map(str, shown.frames), *shown.arrived_s, describe_run(shown, [])])


@pytest.mark.parametrize("verdict", [*OF_WORKER, Verdict.UNFINISHED])
def test_no_words_of_a_submission_stay(vocabulary, verdict):
    """Whatever the verdict, an exception's text and what was printed are not shown, not even a part."""
    for text in (STOLEN, "0"):
        said = Outcome(verdict, text, "ValueError", printed=text, notes=(text,), arrived_s={text: 1.0})
        shown = without_inputs(said, RECORDED, vocabulary)
        assert STOLEN not in text_of(shown) and "0" not in text_of(shown)
        assert shown.error_type == "ValueError"


def test_a_hole_of_the_skeleton_is_named(vocabulary):
    """What an unwritten part raises stands in the lab, so it may be said; anything else may not."""
    hole = "TODO forward: slide the kernel"
    assert without_inputs(Outcome(Verdict.UNFINISHED, hole), RECORDED, vocabulary).message == hole
    assert without_inputs(Outcome(Verdict.UNFINISHED, hole + STOLEN), RECORDED, vocabulary).message == ""


@pytest.mark.parametrize("name", ["ZeroDivisionError", "TypingError", "OwnError"])
def test_types_that_exist_stay(vocabulary, name):
    """Built-in types, those of libraries, and classes that stand in the submission's files."""
    assert without_inputs(Outcome(Verdict.EXCEPTION, "", name), RECORDED, vocabulary).error_type == name


@pytest.mark.parametrize("name", ["E0_5_0_25", "0.5 0.25", "OwnErrors", "forward"])
def test_types_that_were_made_up_do_not(vocabulary, name):
    """A class can be made at run time with any name."""
    assert without_inputs(Outcome(Verdict.EXCEPTION, "", name), RECORDED, vocabulary).error_type == "Exception"


def test_only_the_line_where_it_was_raised_is_shown(vocabulary):
    """Of a traceback the last of the submission's own lines stays: a path through many lines could be a message."""
    frames = tuple(Frame("conv.py", line, "", "code") for line in (7, 8))
    assert without_inputs(Outcome(Verdict.EXCEPTION, "", frames=frames), RECORDED, vocabulary).frames == frames[1:]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("conv", "conv"),
        ("helper", "helper"),
        ("float32", "float32"),
        ("(4, 3, 11)", "(4, 3, 11)"),
        ("(4, 3, 12)", "(4, 3, …)"),
        ("(4, 3, 5)", "(4, 3, 5)"),
        ("(4, 3, 0.734)", "(4, 3, …)"),
        ("11%", "11%"),
        ("12%", "……"),
        ("conv%", "conv…"),
        ("%", "…"),
        ("conv.py, line 8", "conv.py, line 8"),
        ("conv.py, line 60", "conv.py, … …"),
        ("other.py, line 1", "….py, … 1"),
        ("stolen", "…"),
        ("0x3f000000", "…"),
        ("４", "…"),
        ("1 " * 200, "…"),
        ("a🎲b", "………"),
    ],
)
def test_values_in_sentences(vocabulary, value, shown):
    """Names of the lab, of files and dtypes stay, and numbers of lab and case; the rest of a value does not."""
    message = Message(SENTENCES["no such name"], {"name": Words(value), "name2": Words("conv")})
    found = without_inputs(Outcome(Verdict.IMPORT, message), RECORDED, vocabulary)
    assert english(found.message) == SENTENCES["no such name"].format(name=shown, name2="conv")


def test_values_of_the_grader_stay(vocabulary):
    """A limit stands beside what the submission said, at any depth."""
    inner = Message(SENTENCES["no such name"], {"name": Words(STOLEN), "name2": Words("conv")})
    outer = sentence("{message} ({memory_mib} MiB are allowed)", message=inner, memory_mib=765)
    shown = english(without_inputs(Outcome(Verdict.MEMORY, outer), RECORDED, vocabulary).message)
    assert "765 MiB" in shown and "stolen" not in shown and "conv" in shown


def test_what_a_worker_fills_in_is_known_to_be_its_own(folders, vocabulary):
    """Requirements of the lab and sentences of the grader come from a worker with values that are marked."""
    answers = Answers(*folders)
    for answer in (
        {"required": "{name} has shape {shape}", "values": {"name": STOLEN, "shape": STOLEN}},
        {"said": "not loaded", "values": {"name": STOLEN, "type": STOLEN, "text": STOLEN}},
    ):
        message = answers.message(json.loads(json.dumps(answer)))
        assert isinstance(message, Message) and "stolen" in message.english
        shown = without_inputs(Outcome(Verdict.WRONG, message), RECORDED, vocabulary).message
        assert "stolen" not in english(shown) and "0.5" not in english(shown)


def test_only_the_graders_own_notes_stay(vocabulary):
    """A note about a replaced function is one of a few sentences; anything else is a submission's."""
    honest = "scipy.misc.imread, which the library no longer has, was replaced"
    assert honest in possible_notes()
    assert without_inputs(Outcome(None, notes=(honest, "0.5 0.25")), RECORDED, vocabulary).notes == (honest,)


def test_names_that_were_not_recorded_are_no_layers(vocabulary):
    """The table of layers has no row that a submission has made up."""
    shown = without_inputs(
        Outcome(None, arrived_s={"conv/shape": 1.0, "0.5 0.25/shape": 2.0}), RECORDED, vocabulary
    )
    assert shown.arrived_s == {"conv/shape": 1.0}


def test_an_output_of_a_name_that_nobody_asked_for_is_not_named():
    """Neither the text nor what is explained of it holds the name."""
    shown = finding_without_inputs(Finding(STOLEN, "extra"), RECORDED)
    assert "stolen" not in describe_run(Outcome(None), [shown])


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("(4, 3, 12)", "(4, 3, 12)"),
        ("(0, 3, 123456)", "(0, 3, …)"),
        ("(20000,)", "(…,)"),
        ("(0,)", "(0,)"),
    ],
)
def test_shapes_that_cost_nothing_are_not_shown(seen, shown):
    """An array with entries has the shape that it has; one without could spell out anything in its axes."""
    assert finding_without_inputs(Finding("conv/shape", "shape", seen, "(1,)"), RECORDED).seen == shown
