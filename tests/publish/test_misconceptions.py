"""Misconceptions are edits that fit the reference, and say what a student needs."""

import ast
from pathlib import Path

import pytest

from grader.project.fixtures import PAIR_SIGN
from grader.project.holes import SkeletonError
from grader.project.places import Project
from grader.project.solution import MisconceptionError, write_solution
from grader.publishing.misconceptions import (
    Edit,
    HoleEdit,
    Misconception,
    Mistaken,
    common_pairs,
    load_misconceptions,
    mistakes_in,
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
    write_mistaken(ROOT / "reference" / "vgg16", mistaken, tmp_path / "mistaken")
    write_solution(ROOT / "reference" / "vgg16", mistaken.parts[0].variant, tmp_path / "right")
    trees = [
        [ast.dump(ast.parse(file.read_text())) for file in sorted((tmp_path / folder).glob("*.py"))]
        for folder in ("mistaken", "right")
    ]
    assert trees[0] != trees[1]


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


HOLES = """class Layer:
    def forward(self, x):
        ### BEGIN SOLUTION forward: sum
        total = 0
        for item in x:
            total += item
        ### END SOLUTION
        return total

    def backward(self, x):
        ### BEGIN SOLUTION backward: sum, too
        total = 0
        ### END SOLUTION
        return total
"""
EDITS = {
    "a part of a line": (("+= item", "= item"), "            total = item\n"),
    "whole lines, indented otherwise": (
        ("for item in x:\n  total += item", "for item in x[1:]:\n    total += item"),
        "        for item in x[1:]:\n            total += item\n",
    ),
    "a line that becomes two": (
        ("total += item", "item += 1\ntotal += item"),
        "            item += 1\n            total",
    ),
    "a text that the other hole has, too": (("total = 0", "total = 1"), "        total = 1\n        for"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_in_a_hole_does_not_mind_indentation(name, tmp_path):
    """It is looked for in its own hole only, and what it puts there is indented like what it replaces."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "layer.py").write_text(HOLES)
    pair, expected = EDITS[name]
    made = mistakes_in("forward", "forward_check", formula="formula (1)")("slip", "a slip", "Sum.", pair)
    assert (made.holes, made.loses, made.formula) == (("forward",), ("forward_check",), "formula (1)")
    write_mistaken(tmp_path / "reference", Mistaken((made,)), tmp_path / "out")
    text = (tmp_path / "out" / "layer.py").read_text()
    ast.parse(text)
    assert expected in text and text.count("total = 0") == HOLES.count("total = 0") - ("total = 1" in expected)


def test_the_maker_of_mistakes_in_a_file_takes_edits_of_every_kind():
    """They lie in no hole unless the maker is told; what one mistake says goes before what the maker says."""
    make = mistakes_in("layer.py", "one", "two", formula="section 2", variant="fast", holes=("forward",))
    elsewhere = Edit("net.py", "x", "y"), HoleEdit("forward", "x", "y")
    made = make("slip", "a slip", "Why.", ("x", "y"), *elsewhere, loses=("three",), common=True)
    assert made == Misconception(
        "slip", "a slip", ("forward",), ("three",), "Why.", (Edit("layer.py", "x", "y"), *elsewhere), "section 2",
        common=True, variant="fast",
    )  # fmt: skip
    assert mistakes_in("layer.py", "one")("slip", "a slip", "Why.").holes == ()


@pytest.mark.parametrize(
    ("hole", "old", "message"),
    [
        ("forward", "missing", "forward occurs 0 times"),
        ("forward", "t", "forward occurs 6 times"),
        ("ghost", "x", "no hole|'ghost'"),
    ],
)
def test_an_edit_that_fits_no_line_of_the_hole_is_refused(hole, old, message, tmp_path):
    """The message names the misconception and the hole."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "layer.py").write_text(HOLES)
    made = Misconception("slip", "a slip", (hole,), ("c",), "", (HoleEdit(hole, old, "x"),))
    with pytest.raises(MisconceptionError, match=f"misconception slip: .*({message})"):
        write_mistaken(tmp_path / "reference", Mistaken((made,)), tmp_path / "out")


def test_a_variant_may_give_only_the_bodies_of_holes(tmp_path):
    """The rest is the reference's; its imports and helpers stand behind those of the reference."""
    variant = tmp_path / "variants" / "builtin"
    variant.mkdir(parents=True)
    (tmp_path / "layer.py").write_text(f"import math\n\n\n{HOLES}")
    (variant / "layer.py").write_text(
        '"""With a helper."""\nfrom math import fsum\n\n\ndef added(x):\n    return fsum(x)\n\n\n'
        "### BEGIN SOLUTION forward: a helper\ntotal = added(x)\n### END SOLUTION\n"
    )
    write_solution(tmp_path, "builtin", tmp_path / "out")
    names: dict = {}
    exec(compile((tmp_path / "out" / "layer.py").read_text(), "layer.py", "exec"), names)
    assert names["Layer"]().forward([0.1] * 10) == 1.0 and names["Layer"]().backward([1]) == 0
    (variant / "layer.py").write_text("### BEGIN SOLUTION ghost: none\nx = 1\n### END SOLUTION\n")
    with pytest.raises(SkeletonError, match="there is no hole 'ghost'"):
        write_solution(tmp_path, "builtin", tmp_path / "out")


def test_a_variant_may_give_only_the_definitions_that_differ(tmp_path):
    """Functions and methods take the places of those of the same name, in the reference or in another variant."""
    for name, text in (
        ("", f"import math\n\n\ndef first(x):\n    return x\n\n\n{HOLES}"),
        ("one", "### OVER reference\ndef first(x):\n    return -x\n\n\ndef second(x):\n    return math.ceil(x)\n"),
        (
            "two",
            '### OVER one\n"""More of it."""\n\n\nclass Layer:\n    @staticmethod\n    def forward(x):\n'
            "        return second(x)\n\n    def third(self):\n        return self.a\n\n    a = 3\n\n\n"
            "### BEGIN SOLUTION backward: none\ntotal = 7\n### END SOLUTION\n",
        ),
        ("three", "### OVER one\nclass Layer(dict):\n    pass\n"),
    ):
        folder = tmp_path / "variants" / name if name else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "layer.py").write_text(text)
    made = {}
    for name in (None, "one", "two", "three"):
        write_solution(tmp_path, name, tmp_path / "out")
        made[name] = names = {}
        exec(compile((tmp_path / "out" / "layer.py").read_text(), "layer.py", "exec"), names)
    assert [names["first"](1) for names in made.values()] == [1, -1, -1, -1]
    assert made["one"]["Layer"]().forward([1, 2]) == 3 and made["two"]["second"](1.5) == 2
    two = made["two"]["Layer"]()
    assert (two.forward(1.5), two.backward([1]), two.third()) == (2, 7, 3)
    assert issubclass(made["three"]["Layer"], dict) and not hasattr(made["three"]["Layer"], "forward")


@pytest.mark.parametrize("base", ["ghost", "twin", "self"])
def test_a_variant_stands_over_what_there_is(base, tmp_path):
    """Not over a variant that there is not, and not in a circle; the message names the file."""
    for name, over in (("self", base), ("twin", "self")):
        (tmp_path / "variants" / name).mkdir(parents=True)
        (tmp_path / "variants" / name / "layer.py").write_text(f"### OVER {over}\n")
    (tmp_path / "layer.py").write_text(HOLES)
    with pytest.raises(MisconceptionError, match=r"variants/(self|twin)/layer\.py: cannot stand over"):
        write_solution(tmp_path, "self", tmp_path / "out")
