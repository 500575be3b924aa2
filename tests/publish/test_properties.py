"""Properties hold for right layers and fail for wrong ones, without any expected value."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from grader.lab.checks import Case, check
from grader.language.translation import speaking
from grader.run.parameter_gradients import parameter_gradients
from grader.run.properties import run_properties
from grader.run.property_rules import DIRECTIONS, GRADIENT
from grader.run.session import Outcome
from grader.student.properties_report import render_properties
from grader.verdicts import Verdict
from tests.golden import ROOT

RNG = np.random.default_rng(11)


def convolve(x, weight, bias, padding, stride):
    """Convolution by the definition."""
    k = weight.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = (x.shape[2] - k) // stride + 1, (x.shape[3] - k) // stride + 1
    y = np.zeros((len(x), len(weight), rows, columns), x.dtype) + bias.reshape(1, -1, 1, 1)
    for i in range(rows):
        for j in range(columns):
            window = x[:, None, :, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, :, i, j] += (window * weight).sum((2, 3, 4))
    return y


def convolve_back(x, weight, out_grad, padding, stride):
    """Its gradient."""
    k = weight.shape[2]
    grad = np.zeros((*x.shape[:2], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding), out_grad.dtype)
    for i in range(out_grad.shape[2]):
        for j in range(out_grad.shape[3]):
            share = np.einsum("nc,ckij->nkij", out_grad[:, :, i, j], weight)
            grad[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += share
    return grad[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]


def cases(rng):
    """One case with padding and a stride, one without."""
    for padding, stride in ((1, 1), (0, 2)):
        x = rng.standard_normal((2, 3, 7, 9))
        weight = rng.standard_normal((4, 3, 3, 3))
        out_grad = rng.standard_normal(convolve(x, weight, np.zeros(4), padding, stride).shape)
        yield Case.of(
            f"stride {stride}", k=3, padding=padding, stride=stride, x=x, weight=weight,
            bias=rng.standard_normal(4), out_grad=out_grad,
        )  # fmt: skip


@check(tier=60, cases=cases)
def conv_forward(student, case):
    """Convolution."""


@check(tier=100, cases=cases)
def conv_backward(student, case):
    """Its gradient."""


CHECKS = {"conv_forward": conv_forward, "conv_backward": conv_backward}


class Layers:
    """Stands for a session with a submission."""

    def __init__(self, forward=convolve, backward=convolve_back):
        self.forward, self.backward = forward, backward

    def run(self, check, case):
        """Run a check."""
        c = case
        if check.id == "conv_forward":
            outputs = {"y": self.forward(c.x, c.weight, c.bias, c.padding, c.stride)}
        else:
            outputs = {"x_grad": self.backward(c.x, c.weight, c.out_grad, c.padding, c.stride)}
        return Outcome(None, outputs=outputs)


def failing(layers):
    """Names of the properties that do not hold."""
    found = run_properties(layers, CHECKS, {"conv_forward": list(cases(RNG))})
    return {item.name for item in found if not item.holds}


def test_a_right_layer_holds_every_property():
    """Nothing fails, and every property of a convolution was asked."""
    found = run_properties(Layers(), CHECKS, {"conv_forward": list(cases(RNG))})
    assert all(item.holds for item in found)
    assert {item.name for item in found} == {
        "linear in the input", "linear in the weight", "bias added once", "adjoint", "equivariant to shifts",
        "samples independent", GRADIENT,
    }  # fmt: skip


def test_a_layer_that_computes_in_float32_holds_them_too():
    """Rounding is not taken for an error, even where the result comes back as float64."""

    def single(x, weight, bias, padding, stride):
        return convolve(x.astype("f4"), weight.astype("f4"), bias.astype("f4"), padding, stride) + 0.0 * bias[0]

    assert failing(Layers(forward=single)) == set()


def without_bias(x, weight, bias, padding, stride):
    """Bias forgotten."""
    return convolve(x, weight, 0 * bias, padding, stride)


def squared(x, weight, bias, padding, stride):
    """Not linear."""
    return convolve(np.abs(x), weight, bias, padding, stride)


def first_sample(x, weight, bias, padding, stride):
    """Every sample from sample 0."""
    return convolve(x[:1].repeat(len(x), 0), weight, bias, padding, stride)


def position(x, weight, bias, padding, stride):
    """Depends on the place."""
    y = convolve(x, weight, bias, padding, stride)
    return y * np.arange(1, y.shape[2] + 1).reshape(1, 1, -1, 1)


def scaled_gradient(x, weight, out_grad, padding, stride):
    """Half the gradient."""
    return convolve_back(x, weight, out_grad, padding, stride) / 2


def flipped_gradient(x, weight, out_grad, padding, stride):
    """Kernel flipped in the backward pass."""
    return convolve_back(x, weight[:, :, ::-1, ::-1], out_grad, padding, stride)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (Layers(without_bias), {"bias added once"}),
        (Layers(squared), {"linear in the input", "adjoint"}),
        (Layers(first_sample), {"samples independent"}),
        (Layers(position), {"equivariant to shifts"}),
        (Layers(backward=scaled_gradient), {"adjoint", GRADIENT}),
        (Layers(backward=flipped_gradient), {"adjoint", GRADIENT}),
    ],
)
def test_a_wrong_layer_fails_the_property_that_it_breaks(layers, names):
    """Each mistake is seen by the properties that speak of it."""
    assert names <= failing(layers)


@check(tier=60, cases=cases)
def flat_forward(student, case):
    """Reshapes."""


class Flat:
    """Stands for a session whose layer only reshapes, or forgets to."""

    def __init__(self, reshape=True):
        self.reshape = reshape

    def run(self, check, case):
        """Run the check."""
        return Outcome(None, outputs={"y": case.x.reshape(case.out_grad.shape) if self.reshape else case.x})


def test_samples_are_taken_apart_only_where_the_output_keeps_them():
    """An output that is to have all samples in one row says nothing of one sample alone."""
    x = RNG.standard_normal((2, 3, 4))

    def asked(shape):
        found = {"flat_forward": [Case.of("flat", x=x, out_grad=np.ones(shape))]}
        return run_properties(Flat(reshape=False), {"flat_forward": flat_forward}, found)

    assert [item.name for item in asked((2, 12)) if item.holds] == ["samples independent"]
    assert asked((1, 24)) == asked((6, 4)) == []


def test_what_could_not_be_tested_has_not_failed(tmp_path):
    """A layer that does not run is not called wrong, in either language; the end speaks of what was tested."""

    class Unwritten:
        """Stands for a session with a skeleton."""

        def run(self, check, case):
            """Run a check."""
            return Outcome(Verdict.UNFINISHED, "TODO")

    found = run_properties(Unwritten(), CHECKS, {"conv_forward": list(cases(RNG))})
    assert found and not any(item.tested or item.holds for item in found)
    printed = {}
    for language, results in (("en", found), ("zh", found), ("both", [*found, replace(found[0], message="")])):
        with speaking("zh" if language == "zh" else "en"), open(tmp_path / "out", "w+", encoding="utf-8") as out:
            render_properties(results, ROOT, Console(file=out, width=80))
            out.seek(0)
            printed[language] = out.read()
    assert "FAIL" not in printed["en"] and "wrong for certain" not in printed["en"]
    assert f"{len(found)} properties could not be tested." in printed["en"]
    assert "not tested: conv_forward: unfinished: TODO" in printed["en"]
    # What could not be tested has a reason, and no row of its own.
    assert "worst case" not in printed["en"] and "–" not in printed["en"]
    assert "unfinished" not in printed["zh"] and "未完成" in printed["zh"]
    assert "FAIL" in printed["both"] and "0 of 1 properties hold." in printed["both"]


def test_directions_across_a_kink_are_left_out():
    """Where every direction crosses a kink nothing can be compared, and that is said, not passed over."""

    def magnitude(x, weight, bias, padding, stride):
        return np.abs(convolve(x, weight, 0 * bias, padding, stride))

    at_kink = [replace(case, arrays={**case.arrays, "x": 0 * case.x}) for case in cases(RNG)]
    found = run_properties(Layers(magnitude), CHECKS, {"conv_forward": at_kink})
    gradient = next(item for item in found if item.name == GRADIENT)
    assert gradient.skipped == len(at_kink) * DIRECTIONS
    assert not gradient.holds and "kink" in str(gradient.message)


def test_what_is_no_number_in_one_case_is_not_forgotten_in_the_next():
    """Nor is another shape: the property that saw it does not hold, though later cases are right."""

    def broken(x, weight, out_grad, padding, stride):
        right = convolve_back(x, weight, out_grad, padding, stride)
        return right * np.nan if padding else right

    def short(x, weight, out_grad, padding, stride):
        right = convolve_back(x, weight, out_grad, padding, stride)
        return right[:1] if padding else right

    assert GRADIENT in failing(Layers(backward=broken)) and GRADIENT in failing(Layers(backward=short))


class WithBias(Layers):
    """Returns the gradient of the bias as well; ``factor`` times the right one."""

    factor = 1.0

    def run(self, check, case):
        """Run a check."""
        outcome = super().run(check, case)
        if check.id == "conv_backward":
            outcome.outputs["d_bias"] = self.factor * case.out_grad.sum((0, 2, 3))
        return outcome


def test_the_gradient_of_a_parameter_is_compared_or_does_not_hold():
    """A right one holds in all cases, a doubled one does not; nor does one of which nothing could be compared."""
    given = {"conv_forward": list(cases(RNG))}
    (right,) = parameter_gradients(WithBias(), CHECKS, given)
    assert right.holds and right.cases == 2 and right.layer == "conv, d_bias"
    doubled = WithBias()
    doubled.factor = 2.0
    assert not parameter_gradients(doubled, CHECKS, given)[0].holds

    def kink(x, weight, bias, padding, stride):
        return np.abs(convolve(0 * x, weight, bias, padding, stride))

    at_kink = [replace(case, arrays={**case.arrays, "bias": 0 * case.bias}) for case in cases(RNG)]
    (found,) = parameter_gradients(WithBias(kink), CHECKS, {"conv_forward": at_kink})
    assert (found.cases, found.skipped) == (0, 2 * DIRECTIONS)
    assert not found.holds and "kink" in str(found.message)


def test_a_layer_that_raises_is_reported():
    """A property that could not be asked does not hold, and says why."""

    class Raises(Layers):
        def run(self, check, case):
            return Outcome(Verdict.EXCEPTION, "no", "ValueError")

    found = run_properties(Raises(), CHECKS, {"conv_forward": list(cases(RNG))})
    assert found and not any(item.holds for item in found)
    assert all("conv_" in str(item.message) for item in found)
