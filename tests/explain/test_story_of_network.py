"""`explain` speaks of a network by the same evidence as `check`: what the network is made of comes first."""

from pathlib import Path

from rich.console import Console

from grader.language.translation import speaking
from grader.project.places import Project
from grader.publishing.misconceptions import Edit, Misconception, Mistaken, write_mistaken
from grader.report.progress import Progress
from grader.student.story import story_of
from grader.student.story_text import render

ROOT = Path(__file__).resolve().parents[2]


def told(tmp_path, file, old, new):
    """What `explain lenet lenet_forward_pass` says of the solution with one edit."""
    edit = Misconception("m", "", (), (), "", (Edit(file, old, new),))
    write_mistaken(ROOT / "reference" / "lenet", Mistaken((edit,)), tmp_path / "work")
    project = Project(ROOT)
    lab = project.lab("lenet")
    return story_of(project, lab, "lenet_forward_pass", tmp_path / "work", Progress()).explanation


def test_the_cause_stands_above_the_cases():
    """A person reads at most five lines before it, with a place that can be clicked, in their own language."""
    project = Project(ROOT)
    lab = project.lab("lenet")
    story = story_of(project, lab, "padding", ROOT / "labs" / "lenet", Progress())
    with speaking("zh"), open("/dev/null", "w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere, record=True, width=200)
        render(story, console)
        lines = console.export_text().splitlines()
    # What was seen was told when the story was made, the cases and what is to be written now.
    assert any("NotImplementedError" in line and "labs/lenet/conv.py:53" in line for line in lines[:5])
    assert any("什么也没有返回" in line for line in lines)


def test_a_layer_that_is_wrong_by_itself_comes_first(tmp_path):
    """A wrong convolution is not blamed on the network: its own check is named."""
    found = told(tmp_path, "conv.py", "W_col = W.reshape(-1, W.shape[3]).T", "W_col = -W.reshape(-1, W.shape[3]).T")
    assert "What the network is made of is not right yet" in found.message
    assert "Conv2D_gemm" in found.message
    assert "at the settings it was built with" not in found.message
