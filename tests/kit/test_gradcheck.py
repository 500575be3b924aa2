"""The gradient check of a student's own layer, driven by the lab's own checks."""

import re
import shutil

import numpy as np
import pytest
from rich.console import Console

from grader.kits.kit import kit_files
from grader.language.translation import speaking
from grader.project.places import ProjectError
from grader.report.progress import Progress
from grader.run.properties import layers
from grader.student.gradcheck import compare_gradients, gradcheck, names_in, parse_settings
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

RIGHT = {
    "vgg16": (
        "layer.py:ConvolutionLayer",
        "layer.py:MaxPoolLayer",
        "layer.py:ReluLayer",
        "layer.py:FlattenLayer",
        "layer.py:FullyConnectLayer",
        "layer.py:CrossEntropy",
    ),
    "style_transfer": ("layers_2.py:ConvolutionalLayer", "layers_3.py:StyleLossLayer"),
    "lenet": ("layers.py:Conv2D_gemm", "layers.py:Pool2D"),
}
RELU = ("return out_grad * self.positive", "return {} * self.positive")


@pytest.fixture(scope="module")
def run(project, tmp_path_factory):
    """Check a layer of the reference, or of an edited copy of it."""
    folder = tmp_path_factory.mktemp("gradcheck")

    def check(target, edit=None, lab=LAB, settings=None):
        submission = folder / f"{lab}-{abs(hash(edit))}"
        submission.mkdir(exist_ok=True)
        for file in (ROOT / "reference" / lab).glob("*.py"):
            shutil.copyfile(file, submission / file.name)
        if edit is not None:
            file = submission / target.partition(":")[0]
            text = file.read_text()
            assert text.count(edit[0]) >= 1
            file.write_text(text.replace(*edit))
        return gradcheck(project, project.lab(lab), submission, target, Progress(), settings)

    return check


@pytest.mark.parametrize(("lab", "target"), [(lab, target) for lab, targets in RIGHT.items() for target in targets])
def test_right_layers_agree_with_their_differences(run, lab, target):
    """Every layer of the references passes, without any expected value."""
    found = run(target, lab=lab)
    assert found.agrees, found


def test_a_setting_that_changes_nothing_is_refused(run):
    """A misspelt one is guessed; one that only the code of a check reads is taken."""
    with pytest.raises(ProjectError, match=r"conv has no setting 'strid'; did you mean stride\?"):
        run("conv", settings={"strid": 2})
    with speaking("zh"):
        found = run("conv", settings={"stride": 2})
    assert found.agrees and found.gradients[0].setting.startswith("3x3 卷积核")


def test_a_gradient_that_is_too_small_is_found(run):
    """Half of a right gradient is reported at its worst entry, with both numbers."""
    found = run("layer.py:ReluLayer", (RELU[0], RELU[1].format("0.5 * out_grad")))
    gradient = next(item for item in found.gradients if not item.agrees)
    assert not found.agrees
    assert gradient.claimed == pytest.approx(0.5 * gradient.measured, rel=1e-5)
    assert len(gradient.worst) >= 2 and 0 < gradient.wrong <= gradient.entries


def test_the_gradient_of_a_parameter_is_checked(run):
    """A bias's gradient that is doubled is told apart from right gradients of input and weight."""
    edit = ("db = dY_col.sum(axis=1)", "db = 2 * dY_col.sum(axis=1)")
    found = run("layers.py:Conv2D_gemm", edit, lab="lenet")
    assert {item.of for item in found.gradients} == {"the input", "the weight", "the bias"}
    assert {item.of for item in found.gradients if not item.agrees} == {"the bias"}


def test_a_layer_in_single_precision_is_not_blamed_for_rounding(run):
    """The step follows the precision in which the layer computes, not that of what it returns."""
    edit = ("return np.maximum(inputs, 0)", "return np.maximum(inputs.astype(np.float32), 0).astype(np.float64)")
    assert run("layer.py:ReluLayer", edit).agrees


@pytest.mark.parametrize(
    ("gradient", "said"), [("np.nan * out_grad", "entries differ"), ("out_grad[..., :1]", "is needed")]
)
def test_unusable_gradients_never_agree(run, capsys, gradient, said):
    """NaN and a wrong shape are reported."""
    found = run(
        "layer.py:ReluLayer",
        (
            RELU[0],
            f"return ({gradient}) * self.positive[..., :1]"
            if said != "entries differ"
            else RELU[1].format(gradient),
        ),
    )
    assert not found.agrees
    found.render(Console(width=200))
    assert said in capsys.readouterr().out


def test_a_forward_pass_that_gives_no_numbers_is_not_called_a_kink(run, capsys):
    """Differences of NaN are NaN, and are shown as such: they differ."""
    found = run("layer.py:ReluLayer", ("return np.maximum(", "return np.nan * np.maximum("))
    found.render(Console())
    assert not found.agrees and found.gradients and not found.message
    assert "differences of forward say nan" in " ".join(capsys.readouterr().out.split())


def test_a_layer_may_be_named_as_in_check(run):
    """A hole, or words of the title, are as good as the class."""
    assert run("max_pool").agrees


def test_a_setting_takes_the_place_of_the_cases(run):
    """Another stride is checked as well, with a gradient that fits what comes out."""
    found = run("layer.py:MaxPoolLayer", settings={"stride": 1, "k": 2})
    assert found.agrees and len({item.setting for item in found.gradients}) == 1


@pytest.mark.parametrize("target", ["layer.py:Missing", "layers.py:ReluLayer", "softmaximum"])
def test_what_no_check_drives_is_said(run, target):
    """The message names the layers that there are."""
    with pytest.raises(ProjectError, match=r"no check of lab vgg16 drives .* such as conv, max_pool"):
        run(target)
    with pytest.raises(ProjectError, match="no check of lab vgg19 drives a layer forward and backward, so"):
        run(target, lab="vgg19")


@pytest.mark.parametrize("lab", ["vgg16", "lenet", "resnet18", "cifar10_zoo", "style_transfer"])
def test_the_layer_that_a_kit_names_is_one_of_its_lab(project, lab):
    """What stands in the list of commands can be typed as it stands there."""
    readme = kit_files(project, [project.lab(lab)])["README.md"].decode()
    typed = re.search(r"-m grader gradcheck LAB (\S+)`", readme)
    assert typed[1] in [layer.name for layer in layers(project.lab(lab).checks) if layer.backward]


def test_the_class_that_a_check_drives_is_read_off_its_code(project):
    """Through the lab's own helpers, too, and through names that stand in constants."""
    checks = project.lab("lenet").checks
    assert "Conv2D_gemm" in names_in(checks["gemm_backward"]) and "Pool2D" in names_in(checks["max_pool_forward"])
    assert "Conv2D" not in names_in(checks["max_pool_forward"])


def test_the_worst_entry_is_the_one_that_differs_most():
    """Its index, both numbers and the count of wrong entries are what they are by construction."""
    measured = np.linspace(1, 2, 12).reshape(3, 4)
    claimed = measured.copy()
    claimed[1, 2] += 0.5
    claimed[2, 3] -= 0.1
    found = compare_gradients("", "x", claimed, measured, 1e-6)
    assert (found.worst, found.wrong) == ((1, 2), 2)
    assert found.claimed - found.measured == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["stride", "stride=2x", "=3", "a b=1"])
def test_settings_of_another_form_are_refused(text):
    """The message shows the form."""
    with pytest.raises(ProjectError, match="NAME=NUMBER"):
        parse_settings([text])


def test_the_command_says_what_to_type(kit):
    """An unknown layer, an unfinished one and a right one each end in a sentence, not a traceback."""
    for target, said, status in (
        ("layer.py:Nothing", "no check of lab", 2),
        ("layer.py:ConvolutionLayer", "Not written yet", 1),
        ("layer.py:ReluLayer", "All gradients agree", 0),
    ):
        done = student(kit, "gradcheck", LAB, target)
        assert said in " ".join((done.stdout + done.stderr).split())
        assert done.returncode == status and "Traceback" not in done.stderr
