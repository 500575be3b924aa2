"""Misconceptions are edits that fit the reference, and say what a student needs."""

import ast
from pathlib import Path

import pytest

from grader.project.fixtures import PAIR_SIGN
from grader.project.places import Project
from grader.project.solution import MisconceptionError
from grader.publishing.misconceptions import (
    Edit,
    Misconception,
    Mistaken,
    common_pairs,
    load_misconceptions,
    singles,
    write_mistaken,
)

ROOT = Path(__file__).resolve().parents[2]
VGG16 = load_misconceptions(ROOT / "reference" / "vgg16")
EVERY = [*singles(VGG16), *common_pairs(VGG16)]


def test_there_are_enough():
    """The lab knows more mistakes than the 25 that it must."""
    assert len(VGG16) >= 25


@pytest.mark.parametrize("mistaken", EVERY, ids=lambda item: item.name)
def test_every_edit_fits_the_reference(mistaken, tmp_path):
    """Each text is found exactly once, the result is Python and differs from the reference."""
    write_mistaken(ROOT / "reference" / "vgg16", mistaken, tmp_path)
    for file in tmp_path.glob("*.py"):
        ast.parse(file.read_text())
    changed = {edit.file for part in mistaken.parts for edit in part.edits}
    base = ROOT / "reference" / "vgg16"
    assert any((tmp_path / name).read_text() != (base / name).read_text() for name in changed)


@pytest.mark.parametrize("item", VGG16, ids=lambda item: item.name)
def test_what_it_names_exists(item):
    """Checks and holes are those of the lab, and the texts are there and short."""
    lab = Project(ROOT).lab("vgg16")
    holes = {hole for file in lab.facts.files for hole in file.holes}
    assert item.loses and set(item.loses) <= set(lab.checks) and set(item.holes) <= holes
    assert item.title and 30 < len(item.explanation) < 320 and item.formula
    assert item.form_of == "" or any(item.form_of == other.name for other in VGG16)


def mistake(name, old, new, **more):
    """A mistake in one line."""
    return Misconception(name, name, (), ("conv",), "", (Edit("layer.py", old, new),), **more)


def test_an_edit_that_does_not_fit_is_refused_by_name(tmp_path):
    """Text that occurs never or twice is an error that names the misconception."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "layer.py").write_text("a = 1\nb = 1\n")
    for old in ("c", " = 1"):
        with pytest.raises(MisconceptionError, match=r"misconception slip: .*layer\.py occurs (0|2) times"):
            write_mistaken(tmp_path / "reference", Mistaken((mistake("slip", old, "x"),)), tmp_path / "out")


def test_pairs_exclude_what_cannot_be_made_at_once():
    """Two edits of the same text, or mistakes that lose different checks, make no pair."""
    first, same = mistake("first", "x + b", "x", common=True), mistake("same", "x + b", "b", common=True)
    other = mistake("other", "y", "z", common=True)
    rare = mistake("rare", "q", "r")
    assert [pair.name for pair in common_pairs([first, same, other, rare])] == [
        f"first{PAIR_SIGN}other",
        f"same{PAIR_SIGN}other",
    ]


def test_two_of_the_same_name_are_refused(tmp_path):
    """Names are unique over all files of a lab."""
    folder = tmp_path / "misconceptions"
    folder.mkdir()
    text = (
        "from grader.publishing.misconceptions import Misconception\n"
        "MISCONCEPTIONS = [Misconception('a','','','','',())]\n"
    )
    (folder / "one.py").write_text(text)
    (folder / "two.py").write_text(text)
    with pytest.raises(MisconceptionError, match="'a'"):
        load_misconceptions(tmp_path)
