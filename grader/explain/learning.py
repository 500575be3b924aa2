"""Why a network did not learn, read off the course of its training: the loss, gradients, what has moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.explain.case_run import CaseRun
from grader.lab.checks import Check, Learning
from grader.language.translation import _, listed, ngettext

# The loss is compared over a tenth of the steps at both ends, so that no single batch decides.
SHARE_OF_STEPS = 10
# A loss that has not lost this share of its value is flat; one that has lost this much has learned something.
FLAT, LEARNED = 0.02, 0.6
# Guessing is right this often, with the chances of a finite number of pictures.
CHANCE_SLACK = 1.5
MAX_NAMED = 6
MAX_CLASSES = 40


@dataclass(frozen=True)
class Course:
    """What a training shows: sentences about what was seen, and the likely cause; both may be empty."""

    facts: tuple[str, ...] = ()
    hint: str = ""


def confusion(check: Check, run: CaseRun) -> np.ndarray | None:
    """Return how often each class (rows) was taken for which (columns); None if the check trains no classifier."""
    if check.learning is None or run.outcome.verdict is not None:
        return None
    right, made = run.recorded.expected[check.learning.predictions], run.output(check.learning.predictions)
    if made is None or made.shape != right.shape or made.dtype.kind not in "iu" or right.dtype.kind not in "iu":
        return None
    classes = int(right.max(initial=0)) + 1
    if (
        right.min(initial=0) < 0
        or classes > MAX_CLASSES
        or made.min(initial=0) < 0
        or made.max(initial=0) >= classes
    ):
        return None
    pairs = right.reshape(-1).astype(np.int64) * classes + made.reshape(-1).astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def why_not_learned(check: Check, run: CaseRun) -> Course:
    """Return what the course of a failed training shows; nothing for a check that does not train."""
    learning = check.learning
    if learning is None or run.outcome.verdict is not None:
        return Course()
    loss = losses(learning, run.outcome.observed)
    if loss.size == 0:
        return Course((_("The loss was never asked for, so no step was taken."),))
    wrong = np.flatnonzero(~np.isfinite(loss))
    if wrong.size:
        return _not_finite(loss, int(wrong[0]))
    first, last = ends(loss)
    facts = [
        ngettext(
            "The loss went from {first} to {last} in {count} step.",
            "The loss went from {first} to {last} in {count} steps.",
            loss.size,
            first=f"{first:.3g}",
            last=f"{last:.3g}",
        ),
        *_guessing(learning, run),
    ]
    if last > first * (1 + FLAT):
        hint = _(
            "The loss grows: the steps may go along the gradient instead of against it, or old gradients may be "
            "added to new ones."
        )
    elif last > first * (1 - FLAT):
        facts += _still(learning, run.outcome.observed)
        hint = _(
            "The loss stays where it was: look for the layer where the gradient gets lost, from the last one on."
        )
    elif last < first * (1 - LEARNED):
        hint = _(
            "The loss falls, but that does not help with new pictures: every step may see the same few of them."
        )
    else:
        hint = _("It learns, but too slowly: every batch must change the parameters, with its own gradient only.")
    return Course(tuple(facts), hint)


def losses(learning: Learning, observed: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the loss of every step, float64; empty if there is none."""
    array = observed.get(learning.loss, np.zeros(0))
    return array.reshape(-1).astype(np.float64) if array.dtype.kind in "fiu" else np.zeros(0)


def ends(loss: np.ndarray) -> tuple[float, float]:
    """Return the mean loss of the first and of the last steps."""
    count = max(1, loss.size // SHARE_OF_STEPS)
    return float(loss[:count].mean()), float(loss[-count:].mean())


def _not_finite(loss: np.ndarray, step: int) -> Course:
    what = "NaN" if np.isnan(loss[step]) else _("infinite")
    fact = _("The loss is {what} in step {step} of {count}.", what=what, step=step + 1, count=loss.size)
    if step:
        fact += " " + _("In the step before it was {value}.", value=f"{loss[step - 1]:.3g}")
    hint = _(
        "A division by zero, a logarithm of zero or an overflow in exp: look at the largest logit and at the "
        "smallest probability in that step."
    )
    return Course((fact,), hint)


def _guessing(learning: Learning, run: CaseRun) -> Iterator[str]:
    right = run.recorded.expected[learning.predictions]
    seen = run.output(learning.predictions)
    if seen is None or seen.shape != right.shape or not right.size:
        return
    classes = np.unique(right).size
    if np.unique(seen).size == 1:
        yield _("Every picture gets the same class.")
    elif float(np.mean(seen == right)) < CHANCE_SLACK / classes:
        yield _("Guessing would be right as often, one time in {classes}.", classes=classes)


def _still(learning: Learning, observed: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Name the layers that no gradient reaches, or those that do not move though one does."""
    without = _zero(observed, learning.gradients)
    if without:
        yield _("In the first step the gradients of {layers} are zero.", layers=listed(without))
        return
    unmoved = _zero(observed, learning.moved)
    if unmoved:
        yield _(
            "The gradients are not zero, but the parameters of {layers} are in the end what they were.",
            layers=listed(unmoved),
        )


def _zero(observed: Mapping[str, np.ndarray], kind: str) -> Sequence[str]:
    names = [name for name, array in observed.items() if name.startswith(f"{kind}/") and not array.any()]
    return [f"`{name.partition('/')[2]}`" for name in names[:MAX_NAMED]]
