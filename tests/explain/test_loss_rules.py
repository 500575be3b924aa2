"""The rule and the sizes of a loss that is off are told exactly; PyTorch makes right and wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.loss_rules import by_sizes
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

PICTURES = ((1, 5, 3, 4), (2, 3, 4, 6), (1, 40, 3, 5))
LOGITS = ((1, 4), (5, 4), (3, 10))


def pictures(number):
    """Two pictures (N, C, H, W) of a case as tensors."""
    rng = np.random.default_rng(number)
    return [torch.from_numpy(rng.standard_normal(PICTURES[number])) for _one in range(2)]


def logits(number):
    """Logits and labels of a case as tensors."""
    rng = np.random.default_rng(number)
    n, k = LOGITS[number]
    return torch.from_numpy(rng.standard_normal((n, k))), torch.from_numpy(rng.integers(0, k, n))


def slope(function, tensor, *others):
    """The gradient of a function for its first argument."""
    leaf = tensor.clone().requires_grad_()
    function(leaf, *others).backward()
    return leaf.grad.numpy()


def content(x, target):
    """Half of the mean squared difference."""
    return mse_loss(x, target) / 2


def style(x, target):
    """The style loss of Gatys et al. with a mean over the samples."""
    n, c, h, w = x.shape
    flat = [tensor.reshape(n, c, h * w) for tensor in (x, target)]
    own, other = (torch.bmm(features, features.transpose(1, 2)) for features in flat)
    return ((own - other) ** 2).sum() / (4 * n * c**2 * (h * w) ** 2)


def told(make, right, output, wrong):
    """What is said if ``wrong(*arguments)`` was returned where ``right(*arguments)`` is required."""
    runs = []
    for number in range(3):
        tensors = make(number)
        names = ("logits", "labels") if make is logits else ("x", "target")
        case = Case("case", {}, {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)})
        expected, actual = ({output: np.asarray(function(*tensors), np.float64)} for function in (right, wrong))
        bounds = {output: Tolerance(1e-9, 1e-7)}
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_sizes(runs)


def probabilities(values, _labels):
    """The softmax of PyTorch."""
    return torch.softmax(values, 1)


PROBABILITIES = {
    "The softmax runs over the samples, not over the classes.": lambda x, y: torch.softmax(x, 0),
    "The softmax runs over all samples at once: each has a sum of its own.":
        lambda x, y: torch.softmax(x.reshape(-1), 0).reshape(x.shape),
    "The logarithm of each probability is returned.": lambda x, y: torch.log_softmax(x, 1),
    "The softmax is taken twice.": lambda x, y: torch.softmax(torch.softmax(x, 1), 1),
    "The exponentials are not divided by their sum.": lambda x, y: x.exp(),
    "The exponentials are divided by the largest, not by their sum.":
        lambda x, y: (x - x.amax(1, keepdim=True)).exp(),
    "Each class has a sigmoid of its own instead of a share.": lambda x, y: torch.sigmoid(x),
    "The logits enter with the opposite sign.": lambda x, y: torch.softmax(-x, 1),
    "Powers of 2 are taken, not of e.": lambda x, y: 2**x / (2**x).sum(1, keepdim=True),
}  # fmt: skip
OTHER_AXES = {
    "The softmax runs over the samples, not over the classes.": 0,
    "The softmax runs over all samples at once: each has a sum of its own.": (0, 1),
}


@pytest.mark.parametrize("text", PROBABILITIES)
def test_what_a_softmax_is_instead_is_told(text):
    """From probabilities alone."""
    assert text in told(logits, probabilities, "probabilities", PROBABILITIES[text])


@pytest.mark.parametrize("text", OTHER_AXES)
def test_the_axis_of_a_softmax_is_told_from_a_loss(text):
    """Also where each sample's largest logit is subtracted first, and where a single sample has no loss then."""

    def wrong(values, labels):
        shifted = (values - values.amax(1, keepdim=True)).exp()
        shares = shifted / shifted.sum(OTHER_AXES[text], keepdim=True)
        return -shares[torch.arange(len(labels)), labels].log().mean()

    assert told(logits, cross_entropy, "loss", wrong) == text


CONTENT = {
    "It is 2 times what is required.": lambda x, t: mse_loss(x, t),
    "It is N C H W times what is required.": lambda x, t: mse_loss(x, t, reduction="sum") / 2,
    "It is C times what is required.": lambda x, t: content(x, t) * x.shape[1],
    "Magnitudes are added up: square the differences.": lambda x, t: (x - t).abs().mean() / 2,
    "Magnitudes are added up: square the differences. The result is N C H W times that.":
        lambda x, t: (x - t).abs().sum() / 2,
    "The other picture is not subtracted.": lambda x, t: content(x, 0 * t),
}  # fmt: skip
STYLE = {
    "It is 4 times what is required.": lambda x, t: 4 * style(x, t),
    "It is C times what is required.": lambda x, t: style(x, t) * x.shape[1],
    "It is H W times what is required.": lambda x, t: style(x, t) * x.shape[2] * x.shape[3],
    "It is W² times what is required.": lambda x, t: style(x, t) * x.shape[3] ** 2,
    "The style's Gram matrix is not subtracted, or it is 0.": lambda x, t: style(x, 0 * t),
}
CROSS_ENTROPY = {
    "It is N times what is required.": lambda z, y: cross_entropy(z, y, reduction="sum"),
    "It is 1 / C times what is required.": lambda z, y: cross_entropy(z, y) / z.shape[1],
    "It has the opposite sign.": lambda z, y: -cross_entropy(z, y),
    "The softmax is taken twice.": lambda z, y: cross_entropy(z.softmax(1), y),
    "The probability is taken, not its logarithm.": lambda z, y: -z.softmax(1)[range(len(y)), y].mean(),
}


def test_pictures_of_two_sizes_have_fewer_rules():
    """Where only some cases have pictures of one size, rules that need it are not asked of the others."""

    def two_sizes(number):
        x, target = pictures(number)
        return x, target if number else target[..., :-1]

    assert told(two_sizes, style_of_two, "loss", lambda x, t: 4 * style_of_two(x, t)).startswith("It is 4 times")


def style_of_two(x, target):
    """The style loss of pictures that may differ in size, with the sizes of the first."""
    n, c, h, w = x.shape
    flat = [tensor.reshape(n, c, -1) for tensor in (x, target)]
    own, other = (torch.bmm(features, features.transpose(1, 2)) for features in flat)
    return ((own - other) ** 2).sum() / (4 * n * c**2 * (h * w) ** 2)


@pytest.mark.parametrize("text", CONTENT)
def test_a_content_loss_is_told(text):
    """Which power of N, C, H, W or which rule is off, in every case."""
    assert told(pictures, content, "loss", CONTENT[text]) == text


@pytest.mark.parametrize("text", STYLE)
def test_a_style_loss_is_told(text):
    """So it is of the style loss."""
    assert told(pictures, style, "loss", STYLE[text]) == text


@pytest.mark.parametrize("text", CROSS_ENTROPY)
def test_a_cross_entropy_is_told(text):
    """So it is of the cross-entropy."""
    assert told(logits, cross_entropy, "loss", CROSS_ENTROPY[text]) == text


def test_gradients_are_told():
    """Gradients follow rules and sizes of their own."""

    def right(z, y):
        return slope(cross_entropy, z, y)

    def without_one_hot(z, y):
        return z.softmax(1) / len(y)

    assert told(logits, right, "logits_grad", without_one_hot) == "The 1 at the right class is not subtracted."
    summed = told(logits, right, "logits_grad", lambda z, y: right(z, y) * len(y))
    assert summed == "It is N times what is required."
    both = told(logits, right, "logits_grad", lambda z, y: without_one_hot(z, y) * len(y))
    assert both == "The 1 at the right class is not subtracted. The result is N times that."


def test_the_features_of_the_style_in_its_gradient_are_told():
    """The gradient of the Gram matrix of the other picture has the wrong features."""

    def right(x, t):
        return slope(style, x, t)

    def wrong(x, t):
        n, c, h, w = x.shape
        own, other = (torch.bmm(f, f.transpose(1, 2)) for f in (x.reshape(n, c, -1), t.reshape(n, c, -1)))
        made = torch.bmm(own - other, t.reshape(n, c, -1)) / (n * c**2 * (h * w) ** 2)
        return made.reshape(x.shape)

    assert "features of the style" in told(pictures, right, "in_grad", wrong)
    assert told(pictures, right, "in_grad", lambda x, t: right(x, t) / 4) == "It is 1 / 4 times what is required."


@pytest.mark.parametrize("seed", range(10))
def test_numbers_by_chance_get_no_cause(seed):
    """Numbers that follow no rule are not explained, however many products of sizes there are."""
    rng = np.random.default_rng(seed)
    assert told(pictures, content, "loss", lambda x, t: content(x, t) * rng.uniform(0.1, 9)) == ""
    assert told(logits, cross_entropy, "loss", lambda z, y: rng.uniform(0.1, 9)) == ""
