"""Finds which part of Adam is off: a moment, its correction, the count of steps, epsilon, the root or the sign.

``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g**2``, the step is
``rate * m / (1 - b1**t) / (sqrt(v / (1 - b2**t)) + epsilon)``, subtracted (Kingma and Ba 2015, algorithm 1).
TensorFlow and Keras add epsilon before the correction of v. A part is told only if the optimiser with that part
changed gives what was returned, in every case and step; it may be changed always, from one step on, or in one only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from grader.compare import Finding
from grader.explain.case_run import CaseRun
from grader.explain.comparison import Comparison, one_or_other
from grader.explain.patterns import comparison
from grader.language.translation import _, joined, marked

MAX_ENTRIES = 1 << 13
# Of the libraries; which one is the lab's is read off what is required.
BETAS = (0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)
# Of a move, what a form of Adam may leave: beside the variable itself, any two small moves are the same.
OF_A_MOVE = 0.1
EPSILONS = (1e-8, 1e-7, 1e-6, 1e-10, 1e-5, 1e-3)
PARTS: Mapping[str, Mapping[str, str]] = {
    "first": {
        "whole": marked("The gradient enters the first moment without the factor 1 - beta1."),
        "none": marked("The gradient itself stands in the place of the first moment."),
        "not kept": marked("The first moment is not kept from one step to the next."),
        "exchanged": marked("In the first moment beta1 and 1 - beta1 are exchanged."),
        "other rate": marked("The first moment decays with beta2."),
    },
    "second": {
        "whole": marked("The squared gradient enters the second moment without the factor 1 - beta2."),
        "none": marked("The squared gradient itself stands in the place of the second moment."),
        "not kept": marked("The second moment is not kept from one step to the next."),
        "exchanged": marked("In the second moment beta2 and 1 - beta2 are exchanged."),
        "other rate": marked("The second moment decays with beta1."),
        "not squared": marked("The second moment is made of magnitudes: square the gradient."),
        "of the first": marked("The second moment is that of the first moment: square the gradient."),
        "largest": marked("The largest second moment so far is used, as in AMSGrad."),
        "largest corrected": marked("The largest second moment so far is used, as in AMSGrad."),
    },
    "first_correction": {
        "none": marked("The first moment is not corrected by 1 - beta1 ** t."),
        "other rate": marked("The first moment is corrected with beta2."),
        "once": marked("The first moment is corrected by 1 - beta1, whatever the step."),
        "floored": marked(
            "The correction of the first moment is rounded down to whole numbers: `//` stands for `/`."
        ),
        "next": marked("The first moment is corrected with t + 1."),
    },
    "second_correction": {
        "none": marked("The second moment is not corrected by 1 - beta2 ** t."),
        "other rate": marked("The second moment is corrected with beta1."),
        "once": marked("The second moment is corrected by 1 - beta2, whatever the step."),
        "floored": marked(
            "The correction of the second moment is rounded down to whole numbers: `//` stands for `/`."
        ),
        "no root": marked("1 - beta2 ** t joins the learning rate without its root."),
        "next": marked("The second moment is corrected with t + 1."),
    },
    "count": {
        "late": marked("The count of steps is one too large: the first update has t = 1."),
        "early": marked("The count of steps is one too small from the second update on: count before correcting."),
        "twice": marked("The count of steps grows by 2 in every update."),
        "stays": marked("The count of steps stays at 1."),
    },
    "epsilon": {
        "inside": marked("Epsilon stands under the root: it is added to the root."),
        "before": marked("Epsilon is added before the correction of the second moment, as TensorFlow does it."),
        "after": marked("Epsilon is added after the correction of the second moment; here it is added before."),
        "none": marked("Epsilon is missing."),
    },
    "root": {
        "none": marked("The root of the second moment is not taken."),
        "not divided": marked("The step is not divided by the root of the second moment."),
    },
    "step": {
        "uphill": marked("The step is added: subtract it."),
        "no rate": marked("The step is not multiplied by the learning rate."),
        "floored": marked("The step is rounded down to whole numbers: `//` stands for `/`."),
    },
}  # fmt: skip
# Parts that are changed together by one mistake.
TOGETHER = (
    (
        {"first_correction": "none", "second_correction": "none"},
        marked("Neither moment is corrected by its 1 - beta ** t."),
    ),
    (
        {"first_correction": "floored", "second_correction": "floored"},
        marked("Both corrections are rounded down to whole numbers: `//` stands for `/`."),
    ),
    (
        dict.fromkeys(("first", "second", "first_correction", "second_correction"), "other rate"),
        marked("beta1 and beta2 are exchanged."),
    ),
    ({"first": "other rate", "first_correction": "other rate"}, marked("The first moment is made with beta2.")),
    ({"second": "other rate", "second_correction": "other rate"}, marked("The second moment is made with beta1.")),
)


@dataclass(frozen=True)
class Adam:
    """One way to write Adam; every part is right where it says ``usual``."""

    first: str = "usual"
    second: str = "usual"
    first_correction: str = "usual"
    second_correction: str = "usual"
    count: str = "usual"
    epsilon: str = "after"
    root: str = "usual"
    step: str = "usual"


@dataclass(frozen=True)
class When:
    """From which step on, counted from 1, a form stands in the place of the right one, or in which ``alone``."""

    step: int
    right: Adam
    alone: bool = False

    def form_of(self, form: Adam, step: int) -> Adam:
        """Return the form of a step."""
        return form if step == self.step or (step > self.step and not self.alone) else self.right


@dataclass(frozen=True)
class Steps:
    """Gradients (T, entries) of one variable, with moves, or values after each step from ``start``."""

    gradients: np.ndarray
    rate: float
    betas: tuple[float, float]
    views: tuple[Comparison, ...]
    start: np.ndarray | None = None

    def moved_by(self, form: Adam, epsilon: float, when: When | None = None) -> list[np.ndarray]:
        """Return what this form of Adam gives in the place of each view."""
        moves = moves_of(form, self.gradients, self.rate, self.betas, epsilon, when)
        if self.start is None:
            return [moves.reshape(self.views[0].expected.shape)]
        values = self.start.reshape(1, -1) + np.cumsum(moves, axis=0)
        return [value.reshape(view.expected.shape) for value, view in zip(values, self.views, strict=True)]

    @property
    def first_wrong(self) -> int:
        """The first step that is wrong, counted from 1; one more than there are if none is."""
        if self.start is None:
            rows = np.asarray(self.views[0].wrong.reshape(len(self.gradients), -1).any(axis=1))
        else:
            rows = np.array([view.wrong.any() for view in self.views])
        return int(rows.argmax()) + 1 if rows.any() else len(rows) + 1


@np.errstate(all="ignore")
def moves_of(
    wanted: Adam,
    gradients: np.ndarray,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    when: When | None = None,
) -> np.ndarray:
    """Return the moves (T, entries) that a form of Adam makes with gradients of the same shape."""
    first, second, largest = (np.zeros(gradients.shape[1]) for _number in range(3))
    moves = np.empty(gradients.shape)
    for number, gradient in enumerate(gradients):
        form = wanted if when is None else when.form_of(wanted, number + 1)
        t = {"late": number + 2, "early": max(number, 1), "twice": 2 * number + 2, "stays": 1}.get(
            form.count, number + 1
        )
        first = _moment(form.first, first, gradient, betas)
        square = {"not squared": np.abs(gradient), "of the first": first**2}.get(form.second, gradient**2)
        second = _moment(form.second, second, square, betas[::-1])
        m = _quotient(form.first_correction, first, _correction(form.first_correction, betas, t))
        correction = _correction(form.second_correction, betas[::-1], t)
        v = _quotient(form.second_correction, second, correction)
        if form.second == "largest":
            largest = np.maximum(largest, second)
            v = largest / correction
        elif form.second == "largest corrected":
            v = largest = np.maximum(largest, v)
        inside = {"inside": epsilon}.get(form.epsilon, 0.0)
        bottom = v + inside if form.root == "none" else np.sqrt(v + inside)
        bottom = bottom + {"after": epsilon, "before": epsilon / np.sqrt(correction)}.get(form.epsilon, 0.0)
        bottom = np.ones_like(bottom) if form.root == "not divided" else bottom
        moves[number] = -_quotient(form.step, m * {"no rate": 1.0, "uphill": -rate}.get(form.step, rate), bottom)
    return moves


def _quotient(kind: str, top: np.ndarray, bottom: np.ndarray | float) -> np.ndarray:
    return top // bottom if kind == "floored" else top / bottom


def _moment(kind: str, kept: np.ndarray, new: np.ndarray, betas: tuple[float, float]) -> np.ndarray:
    beta = betas[1] if kind == "other rate" else betas[0]
    shares = {"whole": (beta, 1.0), "none": (0.0, 1.0), "not kept": (0.0, 1 - beta), "exchanged": (1 - beta, beta)}
    old, share = shares.get(kind, (beta, 1 - beta))
    return old * kept + share * new


def _correction(kind: str, betas: tuple[float, float], t: int) -> float:
    if kind == "none":
        return 1.0
    beta = betas[1] if kind == "other rate" else betas[0]
    correction = float(1 - beta ** {"once": 1, "next": t + 1}.get(kind, t))
    return correction**2 if kind == "no root" else correction


def by_steps(runs: Sequence[CaseRun]) -> str:
    """Return which one or two parts of Adam are off, if that explains every case; empty if it does not."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in failing):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    wrong = [steps for run in failing for steps in steps_of(run)]
    ran = wrong + [steps for run in runs if run.passed for steps in steps_of(run)]
    if not wrong or len({id(run) for run in failing if any(True for _steps in steps_of(run))}) < len(failing):
        return ""
    right = _right_form(ran)
    if right is None:
        return ""
    form, epsilon = right
    constants = [text for text, changed, other in _other_constants(ran, epsilon) if _explains(changed, form, other)]
    for count in (1, 2):
        found = [made for made in _changed(form, count) if _explains(ran, made, epsilon)]
        texts = dict.fromkeys([*(constants if count == 1 else []), *(_told(form, made) for made in found)])
        if texts:
            # Of few steps, several pairs give the same; then none is told.
            return one_or_other(texts) if count == 1 or len(texts) == 1 else ""
        told = _in_some_steps(ran, form, epsilon) if count == 1 else ""
        if told:
            return told
    return ""


def _in_some_steps(ran: Sequence[Steps], right: Adam, epsilon: float) -> str:
    """Return which part is off from one step on, or in one step alone, if that explains every case."""
    step = min(steps.first_wrong for steps in ran)
    last = max(len(steps.gradients) for steps in ran)
    if last < 2:
        return ""
    texts = []
    for form in _changed(right, 1):
        if step == 1 and "whole" in (form.first, form.second):
            # Nothing has been kept yet: it is the same as the gradient itself.
            continue
        if _explains(ran, form, epsilon, When(step, right, alone=True)):
            texts.append(_("In step {step} alone: {part}", step=step, part=_told(right, form)))
        elif 1 < step < last and _explains(ran, form, epsilon, When(step, right)):
            texts.append(_("From step {step} on: {part}", step=step, part=_told(right, form)))
    return one_or_other(texts)


def steps_of(run: CaseRun) -> Iterator[Steps]:
    """Yield the variables that a case moves by Adam; none if it is no such case."""
    case = run.recorded.case
    settings = case.config.get("settings", case.config)
    rate = settings.get("rate", settings.get("learning_rate", 0.001))
    betas = (float(settings.get("beta_1", 0.9)), float(settings.get("beta_2", 0.999)))
    if "moves" in run.recorded.expected and "grads" in case.arrays:
        view = comparison(run, Finding("moves", "values"))
        gradients = case.arrays["grads"].astype(np.float64)
        if view is not None and view.expected.shape == gradients.shape and gradients.size <= MAX_ENTRIES:
            yield Steps(gradients.reshape(len(gradients), -1), float(rate), betas, (view,))
        return
    for name, start in case.arrays.items():
        found = [(step, case.arrays.get(f"gradient {name} {step}")) for step in range(1, 100)]
        gradients_ = [gradient for _step, gradient in found if gradient is not None]
        views = [comparison(run, Finding(f"{name} {step}", "values")) for step in range(1, len(gradients_) + 1)]
        if gradients_ and all(view is not None for view in views):
            stacked = np.stack([gradient.reshape(-1) for gradient in gradients_]).astype(np.float64)
            kept = tuple(view for view in views if view is not None)
            yield Steps(stacked, float(rate), betas, kept, start.astype(np.float64))


def _right_form(ran: Sequence[Steps]) -> tuple[Adam, float] | None:
    """Return the form of Adam that gives what is required; None if none of the usual ones does."""
    for place in ("after", "before"):
        for epsilon in EPSILONS:
            form = Adam(epsilon=place)
            if all(_equal(steps, form, epsilon, required=True) for steps in ran):
                return form, epsilon
    return None


def _equal(steps: Steps, form: Adam, epsilon: float, when: When | None = None, *, required: bool = False) -> bool:
    made = steps.moved_by(form, epsilon, when)
    for array, view in zip(made, steps.views, strict=True):
        wanted = replace(view, actual=view.expected) if required else view
        if not np.isfinite(array).all() or not wanted.equals(array):
            return False
    return required or steps.start is None or _moves_alike(steps, made)


def _moves_alike(steps: Steps, made: Sequence[np.ndarray]) -> bool:
    """Whether the moves of a variable, and not only its values, are those that were made."""
    own = np.diff([steps.start, *(view.actual for view in steps.views)], axis=0).reshape(len(made), -1)
    told = np.diff([steps.start, *made], axis=0).reshape(len(made), -1)
    return bool(np.all(np.abs(own - told).max(1, initial=0.0) <= OF_A_MOVE * np.abs(own).max(1, initial=0.0)))


def _explains(ran: Sequence[Steps], form: Adam, epsilon: float, when: When | None = None) -> bool:
    return all(_equal(steps, form, epsilon, when) for steps in ran)


def _other_constants(ran: Sequence[Steps], epsilon: float) -> Iterator[tuple[str, list[Steps], float]]:
    """Yield what another number in the place of epsilon, beta1 or beta2 would be, with what it has to explain."""
    for other in (*EPSILONS, 1e-4, 1e-2):
        if other != epsilon:
            text = _("Epsilon is {seen}, not {required}.", seen=f"{other:g}", required=f"{epsilon:g}")
            yield text, list(ran), other
    if len({steps.betas for steps in ran}) > 1:
        return
    betas = ran[0].betas
    for place, name in enumerate(("beta1", "beta2")):
        for beta in BETAS:
            if beta != betas[place]:
                changed = (beta, betas[1]) if place == 0 else (betas[0], beta)
                text = _(
                    "{name} is {seen}, not {required}.", name=name, seen=f"{beta:g}", required=f"{betas[place]:g}"
                )
                yield text, [replace(steps, betas=changed) for steps in ran], epsilon


def _changed(form: Adam, count: int) -> Iterator[Adam]:
    """Yield every form in which so many parts differ from the right one; those that go together count as one."""
    if count == 1:
        yield from (replace(form, **parts) for parts, _text in TOGETHER)
    for names in combinations(PARTS, count):
        chosen = [form]
        for name in names:
            kinds = [kind for kind in PARTS[name] if kind != getattr(form, name)]
            chosen = [replace(made, **{name: kind}) for made in chosen for kind in kinds]
        yield from chosen


def _told(right: Adam, form: Adam) -> str:
    changed = {name: getattr(form, name) for name in PARTS if getattr(form, name) != getattr(right, name)}
    together = next((text for parts, text in TOGETHER if parts == changed), "")
    return _(together) if together else joined([_(PARTS[name][kind]) for name, kind in changed.items()])
