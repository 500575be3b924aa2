"""The gradient check of a student's own layer."""

import shutil

import numpy as np
import pytest

from grader.project.places import ProjectError
from grader.report.progress import Progress
from grader.student.gradcheck import compare_gradients, gradcheck, parse_settings
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

RIGHT = ("ConvolutionLayer", "MaxPoolLayer", "ReluLayer", "FlattenLayer", "FullyConnectLayer", "CrossEntropy")
OWN_LAYERS = '''
import numpy as np

class Scale:
    """Multiplies by a weight for each channel and keeps the gradient of it."""
    def __init__(self, num_features):
        self.weight = np.ones(num_features)
    def forward(self, x):
        self.x = x
        return x * self.weight[:, None, None]
    def backward(self, out_grad):
        self.d_weight = (out_grad * self.x).sum(axis=(0, 2, 3)) * FACTOR
        return out_grad * self.weight[:, None, None]

class Single:
    """Computes in float32 whatever it is given."""
    def forward(self, x):
        self.x = x.astype(np.float32)
        return self.x * self.x
    def backward(self, out_grad):
        return (2 * self.x * out_grad).astype(np.float32)

class NotANumber(Single):
    def backward(self, out_grad):
        return np.full(out_grad.shape, np.nan)

class Transposed(Single):
    def backward(self, out_grad):
        return super().backward(out_grad).T

class Odd:
    def __init__(self, mystery):
        self.mystery = mystery
    def forward(self, x):
        return x * self.mystery
    def backward(self, out_grad):
        return out_grad * self.mystery
'''


@pytest.fixture(scope="module")
def run(project, tmp_path_factory):
    """Check a class of the reference, of an edited copy of it, or of layers of one's own."""
    folder = tmp_path_factory.mktemp("gradcheck")

    def check(kind, edit=None, factor=1, extra=None):
        submission = folder / f"{kind}-{abs(hash((edit, factor)))}"
        submission.mkdir(exist_ok=True)
        for name in ("layer.py", "vgg.py"):
            shutil.copyfile(ROOT / "reference" / LAB / name, submission / name)
        text = (submission / "layer.py").read_text()
        if edit is not None:
            assert text.count(edit[0]) >= 1
            text = text.replace(*edit)
        (submission / "layer.py").write_text(text)
        (submission / "own.py").write_text(f"FACTOR = {factor}\n{OWN_LAYERS}")
        file = "layer.py" if kind in RIGHT else "own.py"
        return gradcheck(project.lab(LAB), submission, f"{file}:{kind}", Progress(), extra)

    return check


@pytest.mark.parametrize("kind", RIGHT)
def test_right_layers_agree_with_their_differences(run, kind):
    """Every layer of the reference passes in each setting, without any expected value."""
    found = run(kind)
    assert found.agrees, found


def test_a_gradient_that_is_too_small_is_found(run):
    """Half of a right gradient is reported at its worst entry, with both numbers."""
    edit = ("return out_grad * self.positive", "return 0.5 * out_grad * self.positive")
    found = run("ReluLayer", edit)
    (gradient,) = found.gradients
    assert not found.agrees
    assert gradient.claimed == pytest.approx(0.5 * gradient.measured, rel=1e-6)
    assert len(gradient.worst) == 4 and 0 < gradient.wrong < gradient.entries


def test_the_gradient_of_a_parameter_is_checked_where_it_is_kept(run):
    """A weight's gradient that is three times too large is told apart from a right input gradient."""
    assert run("Scale").agrees
    wrong = [gradient.of for gradient in run("Scale", factor=3).gradients if not gradient.agrees]
    assert wrong == ["the weight"]


def test_a_layer_in_single_precision_is_not_blamed_for_rounding(run):
    """Steps and bounds follow the precision in which the layer computes."""
    assert run("Single").agrees


@pytest.mark.parametrize(("kind", "said"), [("NotANumber", "differ"), ("Transposed", "is needed")])
def test_unusable_gradients_never_agree(run, capsys, kind, said):
    """NaN and a wrong shape are reported."""
    from rich.console import Console

    found = run(kind)
    assert not found.agrees
    found.render(Console(width=200))
    assert said in capsys.readouterr().out


def test_a_class_that_is_not_there_is_said(run):
    """The message names the file and the class."""
    found = run("Missing")
    assert not found.agrees and "has no `Missing`" in found.message


def test_an_unknown_argument_is_asked_for(run):
    """A constructor's argument that no name tells is named with the option, and taken from it."""
    assert "--set mystery=NUMBER" in run("Odd").message
    assert run("Odd", extra={"mystery": 3}).agrees


def test_the_worst_entry_is_the_one_that_differs_most():
    """Its index, both numbers and the count of wrong entries are what they are by construction."""
    measured = np.linspace(1, 2, 12).reshape(3, 4)
    claimed = measured.copy()
    claimed[1, 2] += 0.5
    claimed[2, 3] -= 0.1
    found = compare_gradients("", "x", claimed, measured, 1e-6)
    assert (found.worst, found.wrong) == ((1, 2), 2)
    assert found.claimed - found.measured == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["stride", "stride=two", "=3", "a b=1"])
def test_settings_of_another_form_are_refused(text):
    """The message shows the form."""
    with pytest.raises(ProjectError, match="NAME=NUMBER"):
        parse_settings([text])


def test_the_command_says_what_to_type(kit):
    """A target of another form, an unfinished layer and a missing class each end in a sentence, not a traceback."""
    for target, said, status in (
        ("layer.py", "expected FILE:CLASS", 2),
        ("layer.py:ConvolutionLayer", "Not written yet", 1),
        ("layer.py:ReluLayer", "All gradients agree", 0),
    ):
        done = student(kit, "gradcheck", LAB, target)
        assert said in done.stdout + done.stderr
        assert done.returncode == status and "Traceback" not in done.stderr
