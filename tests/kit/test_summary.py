"""The table and the picture of a network's layers."""

import io

import numpy as np
import pytest
from rich.console import Console

from grader.report.files import ReportError
from grader.score.document import LayerTime
from grader.student.summary import from_times, summarise, write_picture
from tests.kit.conftest import LAB

SHAPES = {"one.weight": (4, 3, 3, 3), "one.bias": (4,), "two.weight": (10, 64), "two.bias": (10,)}


def layer(name, ms, share, work):
    """A measured layer."""
    kind = "ReLU" if work is None else "fully connected" if name == "two" else "convolution"
    return LayerTime(
        name=name,
        kind=kind,
        forward_ms=ms,
        backward_ms=None,
        forward_share=share,
        multiply_adds=work,
        forward_gflops=None,
    )


@pytest.fixture
def measured():
    """Two layers with parameters and one without."""
    return from_times(
        [layer("one", 30.0, 0.6, 9000), layer("relu", 15.0, 0.3, None), layer("two", 5.0, 0.1, 1000)], SHAPES
    )


def test_parameters_and_shares_are_counted(measured):
    """Weight and bias count, work is shared among all layers, a layer without either has none."""
    assert [item.parameters for item in measured.layers] == [4 * 27 + 4, 0, 10 * 64 + 10]
    assert [item.work_share for item in measured.layers] == [0.9, 0.0, 0.1]


def test_the_table_says_which_layer_is_the_bottleneck(measured):
    """The handout's question is answered below the table: most parameters, most work, most time."""
    output = io.StringIO()
    measured.render(Console(file=output, width=120))
    shown = output.getvalue()
    for line in (
        "Most parameters: two with 85%; all fully connected layers together: 85%",
        "Most multiply-adds: one with 90%",
        "Most time: one with 60%; all convolution layers together: 60%",
    ):
        assert line in shown
    assert "10,000" in shown and "762" in shown


def test_the_picture_shows_the_longest_bar_for_the_slowest_layer(measured, tmp_path):
    """The PNG can be read, and bars are as long as the shares that they stand for."""
    import cv2

    from grader.student.summary import TIME_COLOUR

    write_picture(measured, tmp_path / "layers.png")
    picture = cv2.imread(str(tmp_path / "layers.png"))
    bars = (picture == np.array(TIME_COLOUR)).all(axis=2).sum(axis=1)
    lengths = [int(row) for row in bars if row > 20]
    assert max(lengths) == pytest.approx(6 * min(lengths), rel=0.1)


def test_a_picture_that_cannot_be_written_is_said(measured, tmp_path):
    """A missing folder ends in a message."""
    with pytest.raises(ReportError, match="cannot be written"):
        write_picture(measured, tmp_path / "nowhere" / "layers.png")


def test_the_totals_of_vgg16_are_those_of_the_handout(project):
    """134 million parameters, as the handout's thinking question says."""
    from grader.prepare.weights import checkpoint_shapes

    lab = project.lab(LAB)
    shapes = checkpoint_shapes(lab.facts.resources["checkpoint"].options)
    names = dict.fromkeys(name.rpartition(".")[0] for name in shapes)
    found = from_times([layer(name, 1.0, 0.1, 1) for name in names], shapes)
    assert round(sum(item.parameters for item in found.layers) / 1e6) == 134


def test_the_summary_of_an_unfinished_network_says_what_is_missing(project, tmp_path):
    """A network that does not run gives the message of its hole, and no table."""
    from grader.report.progress import Progress

    found = summarise(project, project.lab(LAB), project.root / "labs" / LAB, None, Progress())
    assert not found.layers and "TODO" in found.message
