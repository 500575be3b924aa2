"""Finds which part of a batch norm is off: axes, divisor, epsilon, root, gamma, beta, a running statistic.

In training ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta`` with mean and variance of each channel over
samples, rows and columns (Ioffe and Szegedy 2015, algorithm 1); in use the running ones stand in their place. The
gradient of x is ``gamma / root * (g - mean(g) - xhat * mean(g * xhat))``. Mode, epsilon and momentum are read off
what is required. A part is told only if the layer with that part changed gives all that was returned, in all cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.patterns import comparison
from grader.language.translation import _, joined, marked

MAX_ENTRIES = 1 << 16
EPSILONS = (1e-5, 1e-3, 1e-8, 1e-6, 1e-7, 1e-4, 1e-12)
MOMENTA = (0.9, 0.99, 0.999, 0.95)
AXES = {"sample": (2, 3), "pixel": (0,), "layer": (1, 2, 3), "whole": (0, 1, 2, 3)}
OF_GRADIENTS = ("gamma_gradient", "beta_gradient", "through", "gamma_in_gradient", "root_in_gradient")
OUTPUTS = frozenset({"outputs", "running_mean", "running_variance", "in_grad", "d_weight", "d_bias"})
# How labs call the same things otherwise, and how an output of one of several calls ends.
OTHER_NAMES = {"weight": "gamma", "bias": "beta", "mean": "moving_mean", "variance": "moving_variance"}
RENAMED = {"moving_": "running_", "d_gamma": "d_weight", "d_beta": "d_bias"}
NUMBER = re.compile(r" \d+$")
PARTS: Mapping[str, Mapping[str, str]] = {
    "axes": {
        "sample": marked("Mean and variance are of each sample by itself: take them over the samples, too."),
        "pixel": marked("Mean and variance are of each pixel: take them over rows and columns, too."),
        "layer": marked("Mean and variance are of all channels of a sample: every channel has its own."),
        "whole": marked("One mean and one variance are taken of everything: every channel has its own."),
    },
    "centre": {"none": marked("The mean is not subtracted.")},
    "variance": {
        "n - 1": marked("The variance is divided by n - 1: divide by n."),
        "squares": marked("The mean of the squares stands in the place of the variance: subtract the mean first."),
        # The running variance is made of it, too.
        "squares too": marked(
            "The mean of the squares stands in the place of the variance: subtract the mean first."
        ),
    },
    "epsilon": {
        "none": marked("Epsilon is missing."),
        "outside": marked("Epsilon is added to the root: it belongs under it."),
    },
    "root": {"none": marked("It is divided by the variance: the root is not taken.")},
    "scale": {
        "none": marked("Gamma is missing."),
        "beta": marked("Gamma and beta are exchanged."),
    },
    "shift": {
        "none": marked("Beta is missing."),
        "negative": marked("Beta is subtracted."),
    },
    "mode": {
        "other": marked(
            "The statistics are those of the other mode: in training they are the batch's, in use the running ones."
        ),
    },
    "running": {
        "exchanged": marked("In the running statistics momentum and 1 - momentum are exchanged."),
        "exchanged mean": marked("In the running mean momentum and 1 - momentum are exchanged."),
        "exchanged variance": marked("In the running variance momentum and 1 - momentum are exchanged."),
        "old": marked("The running statistics are not updated."),
        "new": marked("The running statistics are those of the last batch alone."),
        "whole": marked("The statistics of a batch enter the running ones without the factor 1 - momentum."),
        "first": marked("The running statistics are updated only once."),
        "always": marked("The running statistics change in use, too: they stay as they are."),
    },
    "spread": {"root": marked("The running variance is made of standard deviations.")},
    "gamma_gradient": {
        "inputs": marked("The gradient of gamma is made with x: take the normalised x."),
        "centred": marked("The gradient of gamma is made with x - mean, which is not divided by the root."),
        "outputs": marked("The gradient of gamma is made with the output: take the normalised x."),
        "mean": marked("The gradient of gamma is a mean: add up over samples, rows and columns."),
        "no x": marked("The gradient of gamma is that of beta: the normalised x is missing."),
        "mean too": marked(
            "The gradient of gamma is a mean, and that of x is made with it: add up over samples, rows and columns."
        ),
    },
    "beta_gradient": {
        "mean": marked("The gradient of beta is a mean: add up over samples, rows and columns."),
        "mean too": marked(
            "The gradient of beta is a mean, and that of x is made with it: add up over samples, rows and columns."
        ),
    },
    "through": {
        "none": marked("In the gradient of x, mean and variance are taken as constants: they depend on x as well."),
        "no mean": marked("In the gradient of x, the way through the mean is missing: the mean of the gradient."),
        "no variance": marked("In the gradient of x, the way through the variance is missing."),
        "sums": marked("In the gradient of x, sums stand in the place of the two means: divide by n."),
        "samples": marked("In the gradient of x, the two means are divided by the number of samples alone."),
        "added": marked("In the gradient of x, the way through the variance is added: subtract it."),
    },
    "gamma_in_gradient": {"none": marked("In the gradient of x gamma is missing.")},
    "root_in_gradient": {
        "none": marked("The gradient of x is not divided by the root of the variance."),
        "variance": marked("The gradient of x is divided by the variance: divide by its root."),
    },
}


@dataclass(frozen=True)
class Norm:
    """One way to write a batch norm; every part is right where it says ``usual``."""

    axes: str = "usual"
    centre: str = "usual"
    variance: str = "usual"
    epsilon: str = "usual"
    root: str = "usual"
    scale: str = "usual"
    shift: str = "usual"
    mode: str = "usual"
    running: str = "usual"
    spread: str = "usual"
    gamma_gradient: str = "usual"
    beta_gradient: str = "usual"
    through: str = "usual"
    gamma_in_gradient: str = "usual"
    root_in_gradient: str = "usual"


@dataclass(frozen=True)
class Setting:
    """What is right in a lab: the mode, and two constants.

    The running variance may be divided by n or by n - 1: labs accept both, and a mistake may stand beside either.
    """

    training: bool
    epsilon: float
    momentum: float
    unbiased: bool = False


@dataclass(frozen=True)
class Given:
    """A case: its outputs, under the names of `OUTPUTS`, and what the layer was given, of each call in turn."""

    views: Mapping[str, Comparison]
    calls: Sequence[np.ndarray]
    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    gradient: np.ndarray | None


def by_norms(runs: Sequence[CaseRun]) -> str:
    """Return which one or two parts of a batch norm are off, if that explains every case; else nothing."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    ran = [given for run in runs if (given := _given(run)) is not None]
    if len(ran) < len(runs):
        return ""
    every = (Setting(*one) for one in product((True, False), EPSILONS, MOMENTA))
    right = [one for one in every if _explains(ran, Norm(), one, required=True)]
    if not right:
        return ""
    # In use the momentum is not seen: any of them may come in by a mistake.
    momenta = [one for one in right if (one.training, one.epsilon) == (right[0].training, right[0].epsilon)]
    for count in (1, 2):
        forms = _changed(count, "in_grad" in ran[0].views)
        tried = ((form, setting) for form in forms for setting in _settings_of(form, momenta))
        texts = dict.fromkeys(_told(form) for form, setting in tried if _explains(ran, form, setting))
        if count == 1:
            texts |= dict.fromkeys(_constants(ran, right[0]))
        if texts:
            return one_or_other(texts) if count == 1 or len(texts) == 1 else ""
    return ""


def _settings_of(form: Norm, right: Sequence[Setting]) -> Sequence[Setting]:
    """Return those that make a difference to a form: a momentum does where statistics are updated."""
    chosen = right if form.running == "always" else right[:1]
    updated = form.running != "usual" or form.mode != "usual"
    return [*chosen, *(replace(one, unbiased=True) for one in chosen if updated)]


def _given(run: CaseRun) -> Given | None:
    """Return a case of a batch norm; None if it is no such case."""
    views: dict[str, Comparison] = {}
    for name in run.recorded.expected:
        view = comparison(run, Finding(name, "values"))
        for other, own in RENAMED.items():
            name = name.replace(other, own)
        if view is None or NUMBER.sub("", name) not in OUTPUTS:
            return None
        views[name] = view
    if not views:
        return None
    arrays = next(iter(views.values())).inputs
    of_channels = [arrays.get(other, arrays.get(name)) for name, other in OTHER_NAMES.items()]
    x, second = arrays.get("x"), arrays.get("second")
    if x is None or x.ndim not in (2, 4, 5) or x.size > MAX_ENTRIES:
        return None
    numbered = any(NUMBER.search(name) for name in views)
    calls = [*x] if x.ndim == 5 else [x, second] if second is not None and numbered else [x]
    gradient = arrays.get("out_grad")
    if x.ndim == 2:
        # Features without pixels.
        calls = [call[..., None, None] for call in calls]
        gradient = gradient[..., None, None] if gradient is not None else None
    parts = [
        array.astype(np.float64).reshape(1, -1, 1, 1)
        for array in of_channels
        if array is not None and array.shape == calls[0].shape[1:2]
    ]
    if len(parts) < len(OTHER_NAMES):
        return None
    gamma, beta, mean, variance = parts
    return Given(views, [call.astype(np.float64) for call in calls], gamma, beta, mean, variance, gradient)


def _explains(ran: Sequence[Given], form: Norm, setting: Setting, *, required: bool = False) -> bool:
    return all(_equal(given, form, setting, required) for given in ran)


def _equal(given: Given, form: Norm, setting: Setting, required: bool) -> bool:
    made = outputs_of(form, given, setting)
    for name, view in given.views.items():
        wanted = replace(view, actual=view.expected) if required else view
        if name not in made or not np.isfinite(made[name]).all() or made[name].size != view.expected.size:
            return False
        if not wanted.equals(made[name].reshape(view.expected.shape)):
            return False
    return True


def _over(form: Norm, array: np.ndarray, function: str) -> np.ndarray:
    axes = AXES.get(form.axes, (0, 2, 3))
    ddof = {"ddof": 1} if function == "var" and form.variance == "n - 1" else {}
    return np.asarray(getattr(array, function)(axis=axes, keepdims=True, **ddof))


@np.errstate(all="ignore")
def outputs_of(form: Norm, given: Given, setting: Setting) -> dict[str, np.ndarray]:
    """Return all that a form of batch norm gives in a case: after every call, with its number, and in the end."""
    old_mean, old_variance, gamma, beta = given.mean, given.variance, given.gamma, given.beta
    scale = {"none": np.ones_like(gamma), "beta": beta}.get(form.scale, gamma)
    shift = {"none": 0.0, "negative": -beta}.get(form.shift, gamma if form.scale == "beta" else beta)
    epsilon = 0.0 if form.epsilon == "none" else setting.epsilon
    made: dict[str, np.ndarray] = {}
    for number, x in enumerate(given.calls):
        batch_mean, batch_variance = _over(form, x, "mean"), _over(form, x, "var")
        if form.variance in ("squares", "squares too"):
            batch_variance = _over(form, x**2, "mean")
        updates = setting.training if form.running != "always" else True
        if updates and form.running != "old" and not (form.running == "first" and number):
            usual, exchanged = (setting.momentum, 1 - setting.momentum), (1 - setting.momentum, setting.momentum)
            keep, share = {
                "exchanged": exchanged,
                "exchanged mean": exchanged,
                "new": (0.0, 1.0),
                "whole": (setting.momentum, 1.0),
            }.get(form.running, usual)
            ddof = 1 if setting.unbiased and x[:, 0].size > 1 else 0
            of_batches = x.var(axis=(0, 2, 3), keepdims=True, ddof=ddof)
            of_batches = batch_variance if form.variance == "squares too" else of_batches
            spread = np.sqrt(batch_variance) if form.spread == "root" else of_batches
            old_mean = keep * old_mean + share * x.mean(axis=(0, 2, 3), keepdims=True)
            if form.running in ("exchanged mean", "exchanged variance"):
                keep, share = usual if form.running == "exchanged mean" else exchanged
            old_variance = keep * old_variance + share * spread
        of_batch = setting.training != (form.mode == "other")
        mean, variance = (batch_mean, batch_variance) if of_batch else (old_mean, old_variance)
        root = np.sqrt(variance) + epsilon if form.epsilon == "outside" else np.sqrt(variance + epsilon)
        normalised = (x - (0.0 if form.centre == "none" else mean)) / (root**2 if form.root == "none" else root)
        of_call = {
            "outputs": scale * normalised + shift,
            "running_mean": old_mean.reshape(-1),
            "running_variance": old_variance.reshape(-1),
        }
        made |= of_call | {f"{name} {number + 1}": array for name, array in of_call.items()}
    if given.gradient is not None:
        g = given.gradient.astype(np.float64)
        made |= _backward(form, g, x, mean, root, normalised, gamma, made["outputs"])
    return made


def _backward(
    form: Norm,
    g: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    root: np.ndarray,
    normalised: np.ndarray,
    gamma: np.ndarray,
    outputs: np.ndarray,
) -> dict[str, np.ndarray]:
    axes = (0, 2, 3)
    count = g.size // g.shape[1]
    factor = {"inputs": x, "centred": x - mean, "outputs": outputs, "no x": np.ones_like(x)}.get(
        form.gamma_gradient, normalised
    )
    d_gamma = (g * factor).sum(axis=axes) / (count if form.gamma_gradient in ("mean", "mean too") else 1)
    d_beta = g.sum(axis=axes) / (count if form.beta_gradient in ("mean", "mean too") else 1)
    divisor = {"sums": 1, "samples": len(g)}.get(form.through, count)
    mean_grad = g.sum(axis=axes, keepdims=True) / divisor
    product_ = normalised * (g * normalised).sum(axis=axes, keepdims=True) / divisor
    mean_grad = mean_grad / count if form.beta_gradient == "mean too" else mean_grad
    product_ = product_ / count if form.gamma_gradient == "mean too" else product_
    inner = {
        "none": g,
        "no mean": g - product_,
        "no variance": g - mean_grad,
        "added": g - mean_grad + product_,
    }.get(form.through, g - mean_grad - product_)
    bottom = {"none": 1.0, "variance": root**2}.get(form.root_in_gradient, root)
    in_grad = inner * (1.0 if form.gamma_in_gradient == "none" else gamma) / bottom
    return {"in_grad": in_grad, "d_weight": d_gamma, "d_bias": d_beta}


def _changed(count: int, backward: bool) -> Iterator[Norm]:
    """Yield every form in which so many parts differ from the right one."""
    for names in combinations([name for name in PARTS if backward or name not in OF_GRADIENTS], count):
        for kinds in product(*(PARTS[name] for name in names)):
            yield replace(Norm(), **dict(zip(names, kinds, strict=True)))


def _told(form: Norm) -> str:
    return joined([_(kinds[getattr(form, name)]) for name, kinds in PARTS.items() if getattr(form, name) in kinds])


def _constants(ran: Sequence[Given], right: Setting) -> Iterator[str]:
    """Yield what another number in the place of epsilon or the momentum would be, where it explains every case."""
    for epsilon in (*EPSILONS, 1e-2, 1e-1):
        if epsilon != right.epsilon and _explains(ran, Norm(), replace(right, epsilon=epsilon)):
            yield _("Epsilon is {seen}, not {required}.", seen=f"{epsilon:g}", required=f"{right.epsilon:g}")
    for momentum in (*MOMENTA, 0.5, 0.8):
        other = replace(right, momentum=momentum)
        if right.training and other != right and _explains(ran, Norm(), other):
            yield _(
                "The momentum of the running statistics is {seen}, not {required}.",
                seen=f"{momentum:g}",
                required=f"{right.momentum:g}",
            )
