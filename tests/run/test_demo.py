"""What `grader run` prints of a network's classes, and that nobody takes seeded weights for trained ones."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from grader.language.translation import speaking
from grader.run.session import Outcome
from grader.student.demo import Demo

CLASSES = ("daisy", "roses", "sunflowers", "tulips")


def printed(language, **options):
    """The lines for a cat that a seeded network takes for tulips."""
    logits = np.array([[0.0, 0.5, 0.0, 6.0]], np.float32)
    outcome = Outcome(None, outputs={"logits": logits}, arrived_s={"conv1_1": 0.1})
    console = Console(file=io.StringIO(), width=100)
    with speaking(language):
        Demo(Path("cat.png"), CLASSES, outcome, **options).render(console)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("language", "word"), [("en", "synthetic"), ("zh", "合成")])
def test_every_class_of_a_seeded_network_is_called_synthetic(language, word):
    """Each line with a class has the word; with a course's own weights none has."""
    lines = [line for line in printed(language, synthetic=True) if any(name in line for name in CLASSES)]
    assert len(lines) == 1 + len(CLASSES) and "tulips" in lines[0] and "99.1%" in lines[1]
    assert all(word in line for line in lines)
    assert not any(word in line for line in printed(language, synthetic=False))


@pytest.mark.parametrize(("language", "said"), [("en", "weights: "), ("zh", "权重：")])
def test_where_the_weights_lie_is_said(language, said, tmp_path):
    """A course's own program is started with them."""
    assert printed(language, weights=tmp_path)[-1] == f"{said}{tmp_path}"
