"""The course of a training as a result shows it: a curve of the loss, and one of the accuracy on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grader.explain.learning import ends, losses
from grader.lab.checks import Check
from grader.language.translation import _, ngettext
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome
from grader.score.document import LearningCurve

MAX_POINTS = 200


def learning_curves(check: Check, recorded: RecordedCase, outcome: Outcome) -> list[LearningCurve]:
    """Return the curves of what was observed; none for a check that does not train."""
    if check.learning is None:
        return []
    found = []
    loss = losses(check.learning, outcome.observed)
    if loss.size:
        found.append(LearningCurve(name="loss", steps=loss.size, values=_thinned(loss)))
    accuracy = accuracies(check, recorded, outcome.observed)
    if accuracy.size:
        found.append(LearningCurve(name="accuracy", steps=accuracy.size, values=_thinned(accuracy)))
    return found


def accuracies(check: Check, recorded: RecordedCase, observed: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the share of right predictions each time that some were made on the way."""
    if check.learning is None:
        return np.zeros(0)
    right = recorded.expected[check.learning.predictions]
    made = observed.get(check.learning.progress)
    if made is None or made.ndim != right.ndim + 1 or made.shape[1:] != right.shape:
        return np.zeros(0)
    return np.asarray((made == right).mean(axis=tuple(range(1, made.ndim))), dtype=np.float64)


def describe_learning(check: Check, recorded: RecordedCase, outcome: Outcome) -> str:
    """Say what a training that reached its aim came to."""
    if check.learning is None:
        return ""
    right = recorded.expected[check.learning.predictions] == outcome.outputs[check.learning.predictions]
    text = _(
        "{share} of {count} pictures right; at least {required} are needed.",
        share=f"{float(right.mean()):.1%}",
        count=right.size,
        required=f"{check.learning.at_least:.0%}",
    )
    loss = losses(check.learning, outcome.observed)
    if loss.size and np.isfinite(loss).all():
        first, last = ends(loss)
        text += " " + ngettext(
            "The loss went from {first} to {last} in {count} step.",
            "The loss went from {first} to {last} in {count} steps.",
            loss.size,
            first=f"{first:.3g}",
            last=f"{last:.3g}",
        )
    return text


def _thinned(values: np.ndarray) -> list[float | None]:
    """Return at most `MAX_POINTS` means of equal stretches; None for what is not finite."""
    pieces = np.array_split(values, min(MAX_POINTS, values.size))
    means = (float(piece.mean()) for piece in pieces)
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in means]
