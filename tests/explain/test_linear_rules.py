"""What a fully connected layer adds up is told exactly, in either order; PyTorch computes the wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn.functional import linear

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.decomposition import by_terms
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

# Samples, inputs, outputs
SIZES = ((1, 30, 8), (4, 7, 19), (3, 12, 12))


def made(number):
    """Input, weight (outputs, inputs), bias and arriving gradient, float64."""
    rng = np.random.default_rng(number)
    n, i, o = SIZES[number]
    return tuple(rng.standard_normal(shape) for shape in ((n, i), (o, i), (o,), (n, o)))


def tensors(*arrays):
    """The arrays as tensors of PyTorch."""
    return [torch.from_numpy(np.array(array)) for array in arrays]


def layer(x, weight, bias):
    """The layer by PyTorch."""
    return linear(*tensors(x, weight, bias)).numpy()


def gradients(x, weight, bias, grad):
    """All gradients by PyTorch."""
    leaves = [tensor.requires_grad_() for tensor in tensors(x, weight, bias)]
    linear(*leaves).backward(*tensors(grad))
    return dict(zip(("in_grad", "d_weight", "d_bias"), (leaf.grad.numpy() for leaf in leaves), strict=True))


def run_of(number, wrong, turned):
    """A run that returned ``wrong``, outputs by name; the weight is (inputs, outputs) if ``turned``."""
    x, weight, bias, grad = made(number)
    right = {"outputs": layer(x, weight, bias)} | gradients(x, weight, bias, grad)
    arrays = {"x": x, "weight": weight.T if turned else weight, "bias": bias, "out_grad": grad}
    expected, actual = {name: right[name] for name in wrong}, dict(wrong)
    if turned:
        for side in (expected, actual):
            side |= {name: array.T for name, array in side.items() if name == "d_weight"}
    bounds = {name: Tolerance(1e-6, 0.0) for name in expected}
    case = Case("case", {"in_features": x.shape[1], "out_features": len(weight)}, arrays)
    findings = compare(expected, actual, bounds)
    return CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings)


def told(rule, output, turned):
    """What is said of a rule that was followed in all cases."""
    return by_terms([run_of(n, {output: rule(*made(n))}, turned) for n in range(len(SIZES))])


def without(array, index):
    """An array with a part set to 0."""
    changed = array.copy()
    changed[index] = 0
    return changed


FORWARD = {
    "The bias is not added": lambda x, w, b, g: layer(x, w, 0 * b),
    "The bias is added twice": lambda x, w, b, g: layer(x, w, 2 * b),
    "The bias is subtracted": lambda x, w, b, g: layer(x, w, -b),
    "the bias of output 0": lambda x, w, b, g: layer(x, w, 0 * b + b[0]),
    "the bias of the one before it": lambda x, w, b, g: layer(x, w, b[np.arange(len(b)) - 1]),
    "the bias of the one behind it": lambda x, w, b, g: layer(x, w, np.concatenate([b[1:], b[:1]])),
    "once for each input": lambda x, w, b, g: layer(x, w, len(x[0]) * b),
    "The last input is left out": lambda x, w, b, g: layer(without(x, np.s_[:, -1]), w, b),
    "Only the last input is used": lambda x, w, b, g: layer(without(x, np.s_[:, :-1]), w, b),
    "blocks of 8": lambda x, w, b, g: layer(without(x, np.s_[:, x.shape[1] // 8 * 8 :]), w, b),
    "leave out the products of input 2 and 5": lambda x, w, b, g: layer(without(x, np.s_[:, [2, 5]]), w, b),
    "divided by the number of inputs": lambda x, w, b, g: layer(x, w / len(x[0]), b),
    "Negative inputs are cut": lambda x, w, b, g: layer(np.maximum(x, 0), w, b),
    "Every sample gets the result of sample 0": lambda x, w, b, g: layer(x[:1].repeat(len(x), 0), w, b),
    "It has the opposite sign. And the bias is not added": lambda x, w, b, g: layer(-x, w, 0 * b),
}  # fmt: skip
BACKWARD = [
    ("in_grad", "divided by the number of samples", lambda x, w, b, g: gradients(x, w, b, g / len(x))),
    ("in_grad", "Only the last output is used", lambda x, w, b, g: gradients(x, w, b, without(g, np.s_[:, :-1]))),
    ("in_grad", "It has the opposite sign", lambda x, w, b, g: gradients(x, -w, b, g)),
    ("d_weight", "Only the last sample counts", lambda x, w, b, g: gradients(x, w, b, without(g, np.s_[:-1]))),
    ("d_weight", "divided by the number of samples", lambda x, w, b, g: gradients(x, w, b, g / len(x))),
    ("d_weight", "added up over the samples before they are multiplied",
     lambda x, w, b, g: gradients(x.sum(axis=0, keepdims=True), w, b, g.sum(axis=0, keepdims=True))),
    ("d_bias", "Only sample 0 counts", lambda x, w, b, g: gradients(x, w, b, without(g, np.s_[1:]))),
    ("d_bias", "added up twice", lambda x, w, b, g: gradients(x, w, b, 2 * g)),
]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("text", FORWARD)
def test_the_sums_are_told_exactly(text, turned):
    """The term that is missing, repeated or exchanged is named, whatever the order of the weight's axes."""
    assert text in told(FORWARD[text], "outputs", turned)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("output", "text", "rule"), BACKWARD)
def test_gradients_are_told_exactly(output, text, rule, turned):
    """So it is with the gradients of input, weight and bias."""
    assert text in told(lambda *arrays: rule(*arrays)[output], output, turned)


def test_a_reshaped_weight_is_told():
    """A weight (inputs, outputs) that is reshaped to (outputs, inputs) mixes its numbers, and that is said."""

    def mixed(x, w, b, g):
        return layer(x, w.T.copy().reshape(w.shape) if len(w) != len(w[0]) else w.T, b)

    said = by_terms([run_of(n, {"outputs": mixed(*made(n))}, True) for n in (0, 1)])
    assert said == "The weight is reshaped where it should be transposed: its numbers get mixed up."


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_said_of_other_numbers(seed):
    """Outputs that follow no rule in one of the cases get no cause."""
    rng = np.random.default_rng(seed)
    runs = [run_of(n, {"outputs": layer(*made(n)[:2], 0 * made(n)[2])}, False) for n in (0, 1)]
    odd = layer(*made(2)[:3]) + rng.standard_normal((SIZES[2][0], SIZES[2][2]))
    assert by_terms([*runs, run_of(2, {"outputs": odd}, False)]) == ""


def test_a_passing_case_excludes_a_rule():
    """A bias that is missing in one case and there in another is not called missing."""
    runs = [run_of(0, {"outputs": layer(*made(0)[:2], 0 * made(0)[2])}, False)]
    assert by_terms(runs) == "The bias is not added."
    assert by_terms([*runs, run_of(1, {"outputs": layer(*made(1)[:3])}, False)]) == ""


def test_several_wrong_outputs_are_told_by_name():
    """Where the gradients of weight and bias are wrong in different ways, each is said of the one it holds for."""
    runs = []
    for number in range(len(SIZES)):
        x, w, b, g = made(number)
        right = gradients(x, w, b, g)
        runs.append(run_of(number, right | {"d_weight": -right["d_weight"], "d_bias": 2 * right["d_bias"]}, False))
    assert by_terms(runs) == "`d_weight`: It has the opposite sign. `d_bias`: It is added up twice."
