"""The skeleton generator, and the committed skeleton of the lab."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case
from grader.project.holes import SkeletonError, holes, left_open
from grader.publishing.skeleton import generate, write_skeletons

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
def double(x):
    y = 0
    ### BEGIN SOLUTION double: set y to twice x
    y = 2 * x
    y += 0
    ### END SOLUTION
    return y
"""


def test_hole_replaces_the_region_at_its_indentation():
    """A region becomes the TODO comment and the raise, and everything around it stays."""
    assert generate(SOURCE).splitlines() == [
        "def double(x):",
        "    y = 0",
        "    # TODO(double): set y to twice x",
        '    raise NotImplementedError("TODO double: set y to twice x")',
        "    return y",
    ]


def test_holes_tell_name_instruction_and_lines():
    """A hole knows its name, its instruction and the lines of its marks."""
    (hole,) = holes(SOURCE)
    assert (hole.name, hole.instruction, hole.line, hole.end_line) == ("double", "set y to twice x", 3, 6)


def test_instruction_may_hold_quotes():
    """The message of a hole is a valid string whatever the instruction says."""
    source = SOURCE.replace("set y to twice x", 'set "y" to 2\\x')
    line = generate(source).splitlines()[3].strip()
    assert ast.literal_eval(line[len("raise NotImplementedError(") : -1]) == 'TODO double: set "y" to 2\\x'


def test_a_skeleton_tells_what_it_leaves_open():
    """Name and instruction of the reference's hole, and the line on which the skeleton has it."""
    (hole,) = left_open(generate(SOURCE))
    assert (hole.name, hole.instruction, hole.line) == ("double", "set y to twice x", 3)
    assert left_open(SOURCE) == []


def test_source_without_marks_is_unchanged():
    """A file without holes is its own skeleton."""
    text = "x = 1\n\ny = 2\n"
    assert generate(text) == text and holes(text) == []


BEGIN, END = "### BEGIN SOLUTION a: write a\n", "### END SOLUTION\n"


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (BEGIN + "x = 1\n", 1, "never ends"),
        ("x = 1\n" + END, 2, "never began"),
        (BEGIN + "x = 1\n" + BEGIN.replace(" a:", " b:") + END, 3, "begins inside"),
        (BEGIN + "x = 1\n" + END + BEGIN + "x = 2\n" + END, 4, "already taken"),
        (BEGIN + "x = 1\n    " + END, 3, "indented differently"),
        (BEGIN + "\n" + END, 3, "is empty"),
        ("### BEGIN SOLUTION a\nx = 1\n" + END, 1, "not a solution mark"),
        ("# begin solution a: write a\nx = 1\n" + END, 1, "not a solution mark"),
        ("x = 1  ### END SOLUTION\n", 1, "not a solution mark"),
    ],
)
def test_marks_that_do_not_fit_are_refused_with_file_and_line(source, line, words):
    """Every way to get the marks wrong is an error that starts with file and line."""
    with pytest.raises(SkeletonError, match=rf"^layer\.py:{line}: .*{words}"):
        generate(source, "layer.py")


def test_two_files_cannot_share_a_hole_name(tmp_path):
    """Hole names are unique in a lab, and nothing is written when they are not."""
    reference, lab = tmp_path / "reference", tmp_path / "lab"
    reference.mkdir()
    lab.mkdir()
    for name in ("one.py", "two.py"):
        (reference / name).write_text(SOURCE)
    with pytest.raises(SkeletonError, match=r"^two\.py:3: .*one\.py"):
        write_skeletons(reference, lab, ["one.py", "two.py"])
    assert list(lab.iterdir()) == []


def test_writing_twice_changes_nothing(tmp_path):
    """Only files that differ are written."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "one.py").write_text(SOURCE)
    assert write_skeletons(tmp_path, tmp_path / "lab", ["one.py"]) == [tmp_path / "lab" / "one.py"]
    assert write_skeletons(tmp_path, tmp_path / "lab", ["one.py"]) == []


@pytest.mark.parametrize("name", ["layer.py", "vgg.py"])
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    source = (ROOT / "reference" / "vgg16" / name).read_text(encoding="utf-8")
    skeleton = (ROOT / "labs" / "vgg16" / name).read_text(encoding="utf-8")
    assert skeleton == generate(source, name)
    ast.parse(skeleton)


def test_holes_say_that_they_are_unfinished_even_in_compiled_code(run_checks, layer_checks):
    """Every check with a hole ends with the verdict unfinished on the untouched skeleton, all others hold."""
    rng = np.random.default_rng(5)
    jobs = [("network_build", Case.of("default"))]
    for check in layer_checks:
        jobs.append((check.id, next(iter(check.cases(rng)))))
    outcomes = run_checks(ROOT / "labs" / "vgg16", jobs)
    ended = {
        name: outcome.error and outcome.error["verdict"] for (name, _), outcome in zip(jobs, outcomes, strict=True)
    }
    holed = {"network_build", "conv_forward", "conv_backward", "max_pool_forward", "max_pool_backward"}
    assert ended == {name: "unfinished" if name in holed else None for name, _ in jobs}
