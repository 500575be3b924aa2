"""The table and the picture of a network's layers."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from grader.language.translation import speaking
from grader.project.places import ProjectError
from grader.report.files import ReportError
from grader.report.progress import Progress
from grader.score.document import LayerTime
from grader.student import networks, summary
from grader.student.demo import has_demo
from grader.student.layer_summary import LayerSummary, short
from grader.student.properties_report import report_properties
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


def test_the_picture_has_bars_for_time_work_and_parameters(measured, tmp_path, monkeypatch):
    """Each layer's milliseconds, millions of multiply-adds and thousands of parameters are drawn, by its name."""
    drawn = []
    monkeypatch.setattr(summary, "to_png", lambda figure: drawn.append(figure) or b"png")
    write_picture(measured, tmp_path / "layers.png")
    times, work, parameters = drawn[0].axes
    assert [bar.get_width() for bar in times.patches] == [30.0, 15.0, 5.0]
    assert [bar.get_width() for bar in work.patches] == [0.009, 0, 0.001]
    assert [bar.get_width() for bar in parameters.patches] == [0.112, 0, 0.65]
    assert [text.get_text() for text in times.get_yticklabels()] == ["one", "relu", "two"]
    assert [axes.get_xlabel() for axes in drawn[0].axes] == [
        "time (ms)",
        "multiply-adds (millions)",
        "parameters (thousands)",
    ]


def test_the_picture_is_a_png_file(measured, tmp_path):
    """Another library reads it."""
    write_picture(measured, tmp_path / "layers.png")
    assert cv2.imread(str(tmp_path / "layers.png")).shape[1] > 600


def test_a_picture_that_cannot_be_written_is_said(measured, tmp_path):
    """A folder in its place ends in a message."""
    with pytest.raises(ReportError, match="is a folder"):
        write_picture(measured, tmp_path)


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
    found = summarise(project, project.lab(LAB), project.root / "labs" / LAB, None, Progress())
    assert not found.layers and "TODO" in found.message


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_of_a_large_network_fits(project, width):
    """With the names, parameters and work of VGG16 no line is wider than the terminal."""
    from grader.prepare.weights import checkpoint_shapes

    shapes = checkpoint_shapes(project.lab(LAB).facts.resources["checkpoint"].options)
    names = dict.fromkeys(name.rpartition(".")[0] for name in shapes)
    times = [layer(name, 1234.5, 0.1, 1_849_688_064) for name in names]
    output = io.StringIO()
    from_times(times, shapes).render(Console(file=output, width=width))
    table = output.getvalue().split("\nMost ")[0].splitlines()
    assert max(map(len, table)) <= width and any("fullyconnect1" in line for line in table)


def test_the_layers_of_lenet_are_measured_in_its_check(project):
    """Parameters and multiply-adds of one picture are those that one counts by hand, and every layer took time."""
    found = summarise(project, project.lab("lenet"), project.root / "reference" / "lenet", None, Progress())
    counted = {item.name: (item.parameters, item.multiply_adds) for item in found.layers if item.parameters}
    assert counted == {
        "conv1": (5 * 5 * 6 + 6, 24 * 24 * 6 * 25),
        "conv2": (5 * 5 * 6 * 16 + 16, 8 * 8 * 16 * 150),
        "fc3": (256 * 40 + 40, 256 * 40),
        "fc4": (40 * 24 + 24, 40 * 24),
        "fc5": (24 * 10 + 10, 24 * 10),
    }
    assert [item.kind for item in found.layers if not item.parameters] == ["max pooling", "max pooling", "flatten"]
    assert (
        all(item.ms > 0 for item in found.layers) and abs(sum(item.time_share for item in found.layers) - 1) < 1e-9
    )


def test_numbers_are_shortened_by_their_size():
    """Three digits and a letter."""
    assert [short(n) for n in (640, 1728, 134_285_380, 1_849_688_064)] == [
        "640",
        "1.73 k",
        "134 M",
        "1.85 G",
    ]


@pytest.mark.parametrize(("lab", "has"), [("vgg16", True), ("style_transfer", True), ("vgg19_dlp", False)])
def test_a_network_is_run_only_where_the_lab_says_how(project, lab, has):
    """Its function is found where it is defined or imported; a lab without one is not blamed on the student."""
    assert has_demo(project.lab(lab)) is has


@pytest.mark.parametrize(
    ("lab", "net", "layers", "parameters", "multiply_adds"),
    [
        # Of Keras' summary() of these networks; multiply-adds by hand: places of the output times the kernel.
        ("cifar10_zoo", None, 11, 198_506, 32 * 32 * 6 * 75 + 1536 * 128 + 128 * 10),
        ("cifar10_zoo", "lenet5", 13, 62_006, 28 * 28 * 6 * 75 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 840),
        ("cifar10_zoo", "ResNet18", 60, 11_183_562, 555_422_720),
        # LeCun et al., 1998, with every map of C3 connected to all of S2.
        ("resnet18", "LeNet-5", 12, 61_706, 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 120 * 400 + 120 * 84 + 840),
    ],
)
def test_the_networks_of_a_lab_with_several_are_measured(project, lab, net, layers, parameters, multiply_adds):
    """Totals are those of others, every layer has a kind, an output and a time, and the shares are whole."""
    found = summarise(project, project.lab(lab), project.root / "reference" / lab, None, Progress(), net)
    assert not found.message and len(found.layers) == layers
    assert sum(item.parameters for item in found.layers) == parameters
    assert sum(item.multiply_adds for item in found.layers) == multiply_adds
    assert all(item.kind and item.shape and item.ms > 0 for item in found.layers)
    assert sum(item.time_share for item in found.layers) == pytest.approx(1)
    assert sum(item.work_share for item in found.layers) == pytest.approx(1)
    assert "--net" in found.notes[-1] and found.title not in found.notes[-1]


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_table_with_long_names_fits(project, width, language):
    """Names of classes and large outputs leave less room for the bars; only at 60 columns a name is cut."""
    layers = [
        LayerSummary(f"{place} {name}", "convolution", 2_359_296, 37_748_736, 4.9, 1.0, 1.0, (512, 512, 512))
        for place, name in enumerate(("Conv2D", "GlobalAveragePooling2D"), start=60)
    ]
    output = io.StringIO()
    with speaking(language):
        summary.Summary(layers, title="ResNet18").render(Console(file=output, width=width))
    shown = output.getvalue().split("\n62 ")[0].splitlines()[1:4]
    assert all(cell_len(line) <= width for line in shown) and (
        width == 60 or not any("…" in line for line in shown)
    )
    assert ("512x512x512" in shown[1]) is (width >= 76)


def test_a_network_that_a_lab_does_not_have_is_said_with_those_that_it_has(project, tmp_path):
    """Before anything runs; a lab with one network says that there is nothing to choose."""
    with pytest.raises(ProjectError, match="no network 'VGG11'; there are: Baseline, LeNet5"):
        summarise(project, project.lab("cifar10_zoo"), tmp_path, None, Progress(), "VGG11")
    with pytest.raises(ProjectError, match="lab lenet has one network"):
        summarise(project, project.lab("lenet"), tmp_path, None, Progress(), "VGG11")


def test_costs_that_are_no_table_are_not_believed():
    """What a worker sends is looked at: of another length, negative or broken it leaves no table."""
    shapes = {"a/shape": np.array([1, 2]), "b/shape": np.array([1, 3])}
    right = np.array([[1, 2, 10], [3, 4, 30]])
    assert [item.time_share for item in networks._with_costs([{**shapes, "costs": right}])] == [0.25, 0.75]
    for costs in (right[:1], -right, right / 2.0, np.array("x")):
        assert networks._with_costs([{**shapes, "costs": costs}]) == []
    assert networks._with_costs([{**shapes, "costs": right, "b/shape": np.array(7)}])[1].shape == ()


def test_the_emulated_network_is_counted(project):
    """VGG19 has 143,667,240 parameters and 19.6 G multiply-adds (K. Simonyan, A. Zisserman, 2015)."""
    from labs.vgg19_dlp.checks_measured import costs
    from labs.vgg19_dlp.checks_wanted import PAIRS, VGG19_LAYERS, program_of
    from labs.vgg19_dlp.pycnml import CnmlNet, QuantParam

    net = CnmlNet()
    net._program = program_of(VGG19_LAYERS, [QuantParam()] * PAIRS)
    net._layer_seconds = [(layer.name, 0.5) for layer in net._program.layers]
    found = costs(net)
    assert found[:, 0].sum() == 143_667_240 and found[:, 1].sum() == 19_632_062_464
    assert (found[:, 2] == 500_000_000).all()


def test_a_lab_without_a_network_or_a_layer_says_so(project, tmp_path):
    """Before any weights are made, and instead of an empty table."""
    lab = project.lab("vgg19_dlp")
    without = replace(lab, facts=lab.facts.model_copy(update={"measured": None}))
    with pytest.raises(ProjectError, match="cannot measure a network of lab vgg19_dlp layer by layer"):
        summarise(project, without, tmp_path, None, Progress())
    with pytest.raises(ProjectError, match="no check of lab vgg19_dlp drives a layer by itself"):
        report_properties(project, lab, tmp_path, Progress())
