"""What a worker says is hostile: it can name a sentence of the grader's, and never bring one of its own."""

import pytest

from grader.inside.answers import SENTENCES, said
from grader.lab.experiments import named, note
from grader.language.message import Message
from grader.run.answers import MAX_MESSAGE_CHARACTERS, Answers, is_plain, places, requirements
from grader.verdicts import Verdict

CHECKS = """
def check(student, case):
    student.require(case.x == 1, "x is {x}, expected {wanted}", x=case.x, wanted=1)
    student.require(case.y, "{y:.3f} has a format of its own", y=case.y)
    student.require(case.z, f"{case.z} was finished inside")
    "a text that is required nowhere"
"""


@pytest.fixture
def answers(tmp_path):
    """A lab with one requirement, and an empty submission."""
    (tmp_path / "checks.py").write_text(CHECKS)
    return Answers(tmp_path, tmp_path)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_of_the_list_is_taken_by_its_name(answers, name):
    """With a text for each of its places."""
    values = dict.fromkeys(places(SENTENCES[name]), "v")
    assert answers.message(said(name, **values)) == Message(SENTENCES[name], values)


def test_a_requirement_of_the_lab_is_taken(answers, tmp_path):
    """Only what stands in the lab's own source, as a constant with plain places."""
    answer = {"required": "x is {x}, expected {wanted}", "values": {"x": "2", "wanted": "1"}}
    assert answers.message(answer) == Message(answer["required"], answer["values"], tmp_path)
    own = {text for text in requirements(tmp_path) if text in CHECKS}
    assert own == {answer["required"]}


@pytest.mark.parametrize(
    "answer",
    [
        {"said": "All checks pass: 100 of 100", "values": {}},
        {"said": "{name}.py is missing", "values": {"name": "layer"}},
        {"said": "not handed in"},
        {"said": "not handed in", "values": {}},
        {"said": "not handed in", "values": ["layer"]},
        {"said": "not handed in", "values": {"name": {"a": "b"}}},
        {"said": "not handed in", "values": {"name": 3}},
        {"said": "not handed in", "values": {"name": "layer", "more": "100"}},
        {"said": ["not handed in"], "values": {"name": "layer"}},
        {"said": {"not handed in": 1}, "values": {"name": "layer"}},
        {"required": "passed, 100 of 100", "values": {}},
        {"required": "a text that is required nowhere", "values": {}},
        {"required": "{y:.3f} has a format of its own", "values": {"y": "1"}},
        {"required": "x is {x.__class__}, expected {wanted}", "values": {"x.__class__": "", "wanted": ""}},
        {"required": "x is {x}, expected {wanted}", "values": {"x": "2"}},
        {"required": None, "values": None},
    ],
)
def test_nothing_else_is_a_sentence(answers, answer):
    """An unknown name, or values that are not those of its places: the submission's own words are left."""
    assert answers.message(answer) == ""
    assert answers.message({**answer, "message": "own words"}) == "own words"


def test_values_are_cleaned(answers):
    """No control characters and no long texts; braces in them are no places."""
    found = str(answers.message(said("not handed in", name="la\x1b[2Jyer {name} {0.__class__}")))
    assert found == "la[2Jyer {name} {0.__class__}.py is missing"
    long = {"said": "not handed in", "values": {"name": "x" * 100_000}}
    assert len(str(answers.message(long))) <= MAX_MESSAGE_CHARACTERS


def test_notes_are_read_like_messages(answers):
    """Sentences of the list and an experiment's own texts; anything else is no note."""
    replaced = said("replaced", name="scipy.misc", function="imread")
    notes = answers.notes({"notes": [replaced, "own words", 3, None, ["x"]]})
    assert notes == (Message(SENTENCES["replaced"], replaced["values"]), "own words")
    assert answers.notes({"notes": "text"}) == () == answers.notes({})


def test_a_note_of_an_experiment_can_be_translated(answers, tmp_path):
    """A constant in its source with its values is a sentence; other words are the worker's own."""
    (tmp_path / "experiment.py").write_text('notes = [note("steps of an epoch: {steps}", steps=3)]\n')
    answer = note("steps of an epoch: {steps}", steps=3)
    forged = note("passed: {steps}", steps=3)
    assert answers.notes({"notes": [answer, forged]}) == (
        Message("steps of an epoch: {steps}", {"steps": "3"}, tmp_path),
        "passed: 3",
    )


def test_a_worker_cannot_pass_itself(answers):
    """Verdicts that only the grader gives are none that a worker can give."""
    for verdict in ("pass", "grader", "skipped", "timeout", 7, None, ["wrong"]):
        assert answers.verdict({"verdict": verdict}) is Verdict.EXCEPTION
    assert answers.verdict({"verdict": "wrong"}) is Verdict.WRONG


def test_all_sentences_of_the_list_are_plain():
    """A place with a format could fail on a hostile value."""
    assert all(is_plain(template) for template in SENTENCES.values())


def test_names_of_results_are_those_of_the_lab(tmp_path):
    """A name that the lab makes is a sentence with its values; another is the text that it is."""
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "experiment.py").write_text('named("distance, {name}", name=name)\n')
    told = [dict(named(f"{word}, {{name}}", name="relu1").told) for word in ("distance", "grade")]
    known, forged = Answers(lab, tmp_path).notes({"names": told}, "names", 64)
    assert isinstance(known, Message) and known.english == "distance, relu1"
    assert forged == "grade, relu1" and not isinstance(forged, Message)
