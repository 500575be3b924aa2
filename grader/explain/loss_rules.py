"""Finds the rule and the sizes by which a loss or its gradient is made: named factors of N, C, H, W or classes.

The losses are the cross-entropy of a softmax (mean over samples), the content loss (mean of squared differences)
and the style loss (squared differences of Gram matrices; Gatys et al. 2016, equations 1 to 6). The constant before
each is read off what is required in every case; a cause is told only if a rule times a product of sizes gives what
was returned, with the same product in every case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.convolution_rules import Rules
from grader.explain.patterns import comparison
from grader.explain.sizes import NONE, Product, common_product, products_equal_to
from grader.language.translation import _, marked

OUTPUTS = ("loss", "in_grad", "logits_grad", "probabilities")
MAX_ENTRIES = 1 << 16
# Of a single number many products of sizes give something near it: several cases have to agree.
MIN_SCALARS = 2
MAX_EXTRA = 4
OVER_BATCH = marked("The softmax runs over the samples, not over the classes.")
OVER_EVERYTHING = marked("The softmax runs over all samples at once: each has a sum of its own.")
LOGITS, LABELS, TARGET = "logits", "labels", "target"


@dataclass(frozen=True)
class Lost:
    """A loss or gradient of one case: what each rule gives before constants, and the sizes of the input."""

    view: Comparison
    rules: Rules
    sizes: Mapping[str, int]


def by_sizes(runs: Sequence[CaseRun]) -> str:
    """Return by which rule and sizes a loss differs, if that explains every case; else nothing."""
    ran = [run for run in runs if run.outcome.verdict is None]
    failing = [run for run in ran if run.findings]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    output = failing[0].findings[0].output
    if output not in OUTPUTS or any(finding.output != output for run in failing for finding in run.findings):
        return ""
    for family in (_cross_entropy, _probabilities, _content, _style):
        made = [lost for run in ran if (lost := _lost(run, output, family)) is not None]
        if len(made) == len(ran) and (text := _told(made, [not run.passed for run in ran])):
            return text
    return ""


def _lost(run: CaseRun, output: str, family: Callable[[Comparison], Rules | None]) -> Lost | None:
    view = comparison(run, Finding(output, "values"))
    rules = family(view) if view is not None and view.expected.size <= MAX_ENTRIES else None
    if view is None or rules is None:
        return None
    array = view.inputs[LOGITS] if LOGITS in view.inputs else view.inputs["x"]
    names = ("N", "C", "H", "W") if array.ndim == 4 else ("N", "C")
    return Lost(view, rules, dict(zip(names, array.shape, strict=True)))


def _told(made: Sequence[Lost], fails: Sequence[bool]) -> str:
    constant = _product(made, "right", NONE, required=True)
    if constant is None:
        return ""
    wrong = [lost for lost, failed in zip(made, fails, strict=True) if failed]
    single = all(lost.view.expected.size == 1 for lost in wrong)
    exact, scaled = [], []
    for name, (text, _array) in made[0].rules.items():
        found = _product(made, name, constant, required=False)
        if found is None or (found.is_one and not text):
            continue
        if found.is_one:
            exact.append(text)
        elif found.complexity <= MAX_EXTRA and (not single or len(wrong) >= MIN_SCALARS):
            what = _("It is {factor} times what is required.", factor=found.text)
            if found.text == "-1":
                what = _("It has the opposite sign.")
            again = _("{text} The result is {factor} times that.", text=text, factor=found.text)
            scaled.append((bool(text), found.complexity, again if text else what))
    if exact:
        return one_or_other(exact)
    best = min((item[:2] for item in scaled), default=(False, 0))
    return one_or_other(text for *rank, text in scaled if tuple(rank) == best)


def _product(made: Sequence[Lost], rule: str, constant: Product, *, required: bool) -> Product | None:
    """Return the product of sizes that a rule is multiplied by in all cases, beyond a constant."""
    found = []
    for lost in made:
        if rule not in lost.rules:
            return None
        _text, array = lost.rules[rule]
        base = np.asarray(array, np.float64) * constant.value(lost.sizes)
        wanted = lost.view.expected if required else lost.view.actual
        energy = float((base * base).sum())
        if base.shape != wanted.shape or not np.isfinite(energy):
            return None
        if not energy and not required and (np.abs(wanted) <= lost.view.allowed).all():
            # Any number of times 0 is 0.
            continue
        if not energy:
            return None
        factor = float((wanted * base).sum()) / energy
        if not (np.abs(wanted - factor * base) <= 4 * lost.view.allowed * max(1.0, abs(factor))).all():
            return None
        found.append(products_equal_to(factor, lost.sizes))
    return common_product(found, any_of_equals=required) if found else None


def _softmax(logits: np.ndarray, axis: int | None = 1) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _probabilities(view: Comparison) -> Rules | None:
    """Return what each rule gives for a softmax over classes."""
    if view.output != "probabilities" or LOGITS not in view.inputs or view.inputs[LOGITS].ndim != 2:
        return None
    logits = view.inputs[LOGITS].astype(np.float64)
    right = _softmax(logits)
    with np.errstate(all="ignore"):
        return {
            "right": ("", right),
            "logarithm": (_("The logarithm of each probability is returned."), np.log(right)),
            "twice": (_("The softmax is taken twice."), _softmax(right)),
            "not_divided": (
                _("The exponentials are not divided by their sum."), np.exp(logits - logits.max(1, keepdims=True))
            ),
            "not_divided_nor_shifted": (_("The exponentials are not divided by their sum."), np.exp(logits)),
            "by_largest": (
                _("The exponentials are divided by the largest, not by their sum."),
                right / right.max(axis=1, keepdims=True),
            ),
            "linear": (_("The logits are divided by their sum: exp is missing."),
                       logits / logits.sum(axis=1, keepdims=True)),
            "sigmoid": (_("Each class has a sigmoid of its own instead of a share."), 1 / (1 + np.exp(-logits))),
            "negative": (_("The logits enter with the opposite sign."), _softmax(-logits)),
            "base_two": (_("Powers of 2 are taken, not of e."), _softmax(logits * np.log(2))),
            "one_hot": (
                _("Only 1 and 0 come out: where the largest logit of each sample stands."),
                (logits == logits.max(axis=1, keepdims=True)).astype(np.float64),
            ),
            **_other_axes(logits),
        }  # fmt: skip


def _other_axes(logits: np.ndarray) -> Rules:
    """Return softmaxes over other axes; the largest logit may have been subtracted from each sample before."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {
        "over_batch": (_(OVER_BATCH), _softmax(logits, axis=0)),
        "over_batch_shifted": (_(OVER_BATCH), shifted / shifted.sum(axis=0)),
        "over_everything": (_(OVER_EVERYTHING), _softmax(logits, axis=None)),
        "over_everything_shifted": (_(OVER_EVERYTHING), shifted / shifted.sum()),
    }


def _cross_entropy(view: Comparison) -> Rules | None:
    inputs = view.inputs
    if LOGITS not in inputs or LABELS not in inputs or inputs[LOGITS].ndim != 2:
        return None
    logits, labels = inputs[LOGITS].astype(np.float64), inputs[LABELS].reshape(-1).astype(np.int64)
    if len(labels) != len(logits) or not ((labels >= 0) & (labels < logits.shape[1])).all():
        return None
    right, at = _softmax(logits), (np.arange(len(labels)), labels)
    one_hot = np.eye(logits.shape[1])[labels]
    again, others = _softmax(right), _other_axes(logits)
    with np.errstate(divide="ignore"):
        if view.output == "loss":
            logs = np.log(right)
            arrays = {
                "right": ("", -logs[at].sum()),
                "of_probabilities": (_("The probability is taken, not its logarithm."), -right[at].sum()),
                "of_logits": (
                    _("The logit itself is taken, not the logarithm of the softmax."), -logits[at].sum()
                ),
                "all_classes": (
                    _("The logarithms of all classes are added up, not only the right one's."), -logs.sum()
                ),
                "label_before": (_("The class before the right one is taken."), -logs[at[0], labels - 1].sum()),
                "twice": (_("The softmax is taken twice."), -np.log(again)[at].sum()),
                "largest": (
                    _("The largest probability is taken, not that of the right class."), -logs.max(axis=1).sum()
                ),
                "first_sample": (_("Only sample 0 counts."), -logs[0, labels[0]]),
                "last_sample": (_("Only the last sample counts."), -logs[-1, labels[-1]]),
            }  # fmt: skip
            arrays |= {key: (text, -np.log(other)[at].sum()) for key, (text, other) in others.items()}
            return {
                key: (text, np.asarray(value).reshape(view.expected.shape)) for key, (text, value) in arrays.items()
            }
    return {
        "right": ("", right - one_hot),
        "no_one_hot": (_("The 1 at the right class is not subtracted."), right),
        "only_one_hot": (_("Only the right classes are there: the probabilities are missing."), -one_hot),
        "of_logits": (_("The logits themselves are taken, not their softmax."), logits - one_hot),
        "of_probabilities": (
            _("It is the gradient for the probabilities, not for the logits."),
            -one_hot / right[at][:, None],
        ),
        "twice": (_("The softmax is taken twice."), again - one_hot),
        **{key: (text, other - one_hot) for key, (text, other) in others.items()},
    }  # fmt: skip


def _pictures(view: Comparison) -> tuple[np.ndarray, np.ndarray] | None:
    if not {"x", TARGET} <= set(view.inputs) or LABELS in view.inputs:
        return None
    x, target = (view.inputs[name].astype(np.float64) for name in ("x", TARGET))
    return (x, target) if x.ndim == 4 and target.ndim == 4 else None


def _content(view: Comparison) -> Rules | None:
    found = _pictures(view)
    if found is None or found[0].shape != found[1].shape:
        return None
    x, target = found
    difference = x - target
    if view.output == "loss":
        arrays = {
            "right": ("", (difference**2).sum()),
            "magnitudes": (_("Magnitudes are added up: square the differences."), np.abs(difference).sum()),
            "root": (_("The root of the sum of squares is taken."), np.sqrt((difference**2).sum())),
            "not_squared": (_("The differences are added up without being squared."), difference.sum()),
            "sum_squared": (_("The sum is squared, not each difference."), difference.sum() ** 2),
            "target_forgotten": (_("The other picture is not subtracted."), (x**2).sum()),
            "first_sample": (_("Only sample 0 counts."), (difference[:1] ** 2).sum()),
        }
        return {
            key: (text, np.asarray(value).reshape(view.expected.shape)) for key, (text, value) in arrays.items()
        }
    return {
        "right": ("", difference),
        "signs": (_("Only the sign of each difference is there."), np.sign(difference)),
        "squares": (_("The differences are squared: the derivative of a square is no square."), difference**2),
        "target_forgotten": (_("The other picture is not subtracted."), x),
    }


def _gram(features: np.ndarray) -> np.ndarray:
    """Return the Gram matrix (N, C, C) of features (N, C, pixels)."""
    return np.asarray(features @ features.swapaxes(1, 2))


def _style(view: Comparison) -> Rules | None:
    found = _pictures(view)
    if found is None or found[0].shape[:2] != found[1].shape[:2]:
        return None
    features, style = (array.reshape(*array.shape[:2], -1) for array in found)
    own, other = _gram(features), _gram(style)
    joined_own, joined_other = own.sum(axis=0, keepdims=True), other.sum(axis=0, keepdims=True)
    samples = _("One Gram matrix is made of all samples: each has one of its own.")
    if view.output == "loss":
        arrays = {
            "right": ("", ((own - other) ** 2).sum()),
            "magnitudes": (_("Magnitudes are added up: square the differences."), np.abs(own - other).sum()),
            "root": (_("The root of the sum of squares is taken."), np.sqrt(((own - other) ** 2).sum())),
            "style_missing": (_("The style's Gram matrix is not subtracted, or it is 0."), (own**2).sum()),
            "joined": (samples, ((joined_own - joined_other) ** 2).sum()),
            "first_sample": (
                _("Every sample is compared with the style of sample 0."), ((own - other[:1]) ** 2).sum()
            ),
            "mixed": (
                _("The second factor of the Gram matrix is reshaped where it should be transposed."),
                ((_mixed(features) - _mixed(style)) ** 2).sum(),
            ),
        }  # fmt: skip
        if features.shape == style.shape:
            text = _("The pictures are compared, not their Gram matrices.")
            arrays["pictures"] = (text, ((features - style) ** 2).sum())
        return {
            key: (text, np.asarray(value).reshape(view.expected.shape)) for key, (text, value) in arrays.items()
        }
    difference = own - other
    made = {
        "right": ("", difference @ features),
        "style_missing": (_("The style's Gram matrix is not subtracted, or it is 0."), own @ features),
        "joined": (samples, (joined_own - joined_other) @ features),
        "first_sample": (_("Every sample is compared with the style of sample 0."), (own - other[:1]) @ features),
    }
    if features.shape == style.shape:
        made["style_features"] = (
            _("The features of the style are multiplied: they have to be those of the picture that changes."),
            difference @ style,
        )
    return {key: (text, array.reshape(view.expected.shape)) for key, (text, array) in made.items()}


def _mixed(features: np.ndarray) -> np.ndarray:
    return np.asarray(features @ features.reshape(len(features), -1, features.shape[1]))
