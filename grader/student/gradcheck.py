"""Checks the gradient of any layer against differences of its own forward pass; needs no expected value.

For a layer Y = f(X) and any G of the output's shape, ``backward(G)`` must be the gradient of sum(G * f(X)). Entry
by entry that is compared with the central difference (sum(G f(X + h e)) - sum(G f(X - h e))) / 2h, whose error is
of order h² [1]_. The submission's code runs in the jail; here only its numbers are compared.

.. [1] W. H. Press et al., "Numerical Recipes", 3rd ed., section 5.7.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from grader.collect.submission import collect
from grader.explain.messages import describe_outcome
from grader.lab.checks import Case
from grader.lab.loading import load_checks
from grader.language.translation import _
from grader.project.contract import Lab
from grader.project.places import ProjectError
from grader.report.progress import Progress
from grader.run.opening import open_session
from grader.run.session import Outcome, Session

DRIVER = Path(__file__).parent / "gradcheck_lab"
SEED = 7
# A whole multiple tells of a sum that was not summed; larger ratios come near a whole number by chance.
MIN_FACTOR, MAX_FACTOR, FACTOR_TOLERANCE = 2, 64, 0.01
PICTURES, FEATURES = (2, 3, 6, 5), (4, 7)
LABELS = 7
# Step and bound by the precision in which the layer computes: truncation and rounding are both far below the bound.
STEP = {"float64": 1e-5, "float32": 1e-2}
RELATIVE_BOUND = {"float64": 1e-6, "float32": 1e-2}
# Inputs lie at least this far apart, so that no step changes which of them is the maximum or crosses zero.
INPUT_RANGE = 3.0
SETTINGS: tuple[Mapping[str, int], ...] = (
    {"kernel_size": 3, "padding": 1, "stride": 1},
    {"kernel_size": 2, "padding": 0, "stride": 2},
    {"kernel_size": 3, "padding": 1, "stride": 2},
)


@dataclass(frozen=True)
class Gradient:
    """What came of comparing one gradient in one setting.

    ``worst`` is the index of the entry that differs most, ``claimed`` what ``backward`` says there, ``measured``
    what the differences say. ``bound`` is the difference that is allowed.
    """

    setting: str
    of: str
    entries: int
    wrong: int
    error: float
    bound: float
    worst: tuple[int, ...] = ()
    claimed: float = 0.0
    measured: float = 0.0
    shape_message: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all entries agree."""
        return self.wrong == 0 and not self.shape_message


@dataclass(frozen=True)
class GradientCheck:
    """The comparisons of one layer; ``message`` says why there are none or fewer."""

    name: str
    gradients: Sequence[Gradient]
    message: str = ""

    @property
    def agrees(self) -> bool:
        """Whether everything was compared and agrees."""
        return not self.message and bool(self.gradients) and all(item.agrees for item in self.gradients)

    def render(self, console: Console) -> None:
        """Print a line for each comparison, the worst entry of those that differ, and what to do next."""
        console.print(Text(_("{layer}: backward against differences of forward", layer=self.name), style="bold"))
        for item in self.gradients:
            console.print(Text(f"  {_line(item)}", style="green" if item.agrees else "red"), soft_wrap=True)
        if self.message:
            console.print(Text(self.message), soft_wrap=True)
        elif self.agrees:
            console.print(
                Text(_("All gradients agree with your own forward pass. (Is that right? `check` knows.)"))
            )
        else:
            first = next(item for item in self.gradients if not item.agrees)
            console.print(Text(_("Next: {what}", what=_advice(first)), style="cyan"), soft_wrap=True)


def _line(item: Gradient) -> str:
    head = _("gradient of {what}", what=item.of)
    if item.setting:
        head = f"{item.setting}: {head}"
    if item.shape_message:
        return f"{head}: {item.shape_message}"
    if item.agrees:
        return _(
            "{gradient}: {count} entries agree (largest difference {error}, allowed {allowed})",
            gradient=head,
            count=item.entries,
            error=f"{item.error:.1e}",
            allowed=f"{item.bound:.1e}",
        )
    return _(
        "{gradient}: {wrong} of {count} entries differ; worst at [{place}]: backward says {claimed}, differences "
        "of forward say {measured}",
        gradient=head,
        wrong=item.wrong,
        count=item.entries,
        place=", ".join(map(str, item.worst)),
        claimed=f"{item.claimed:.6g}",
        measured=f"{item.measured:.6g}",
    )


def _advice(item: Gradient) -> str:
    if item.shape_message:
        return _("let backward return an array of the shape of the input")
    if item.claimed == 0:
        return _(
            "backward leaves that entry at 0, but the output depends on it: is every window and channel visited?"
        )
    ratio = item.measured / item.claimed
    whole = round(ratio) if np.isfinite(ratio) else 0
    if MIN_FACTOR <= whole <= MAX_FACTOR and abs(ratio - whole) < FACTOR_TOLERANCE:
        return _(
            "the right value is {factor} times yours there: is something assigned where it must be added?",
            factor=whole,
        )
    return _("follow that one entry by hand: which outputs is it part of, and with which weight?")


def gradcheck(
    lab: Lab, submission: Path, target: str, progress: Progress, extra: Mapping[str, int] | None = None
) -> GradientCheck:
    """Check the gradients of the layer ``FILE:CLASS`` of a submission.

    ``extra`` are arguments of the constructor that cannot be told from their names.

    Raises
    ------
    ProjectError : ``target`` is not of that form.
    SubmissionError : the submission cannot be collected.
    """
    file, _colon, kind = target.partition(":")
    if not file.endswith(".py") or not file[:-3].isidentifier() or not kind.isidentifier():
        raise ProjectError("{target}: expected FILE:CLASS, such as layer.py:ConvolutionLayer", target=repr(target))
    driver = replace(lab, checks=load_checks(DRIVER / "checks.py"), folder=DRIVER)
    gradients: list[Gradient] = []
    message = ""
    with tempfile.TemporaryDirectory(prefix="gradcheck-") as scratch:
        collected = collect(submission, Path(scratch) / "submission", required=(file,))
        progress.step(_("{layer}: starting", layer=kind))
        with open_session(driver, collected.root, {}) as session:
            for settings in SETTINGS:
                progress.step(f"{kind}: {_named(settings)}")
                layer = _Layer(session, file[:-3], kind, {**settings, **(extra or {})})
                try:
                    found = layer.gradients()
                except _Stopped as stopped:
                    message = describe_outcome(stopped.outcome, lab.folder)
                    break
                gradients += found
                if not layer.accepted:
                    # It is the same in every setting.
                    break
    return GradientCheck(target, gradients, message)


def parse_settings(texts: Sequence[str]) -> dict[str, int]:
    """Read ``NAME=NUMBER`` settings.

    Raises
    ------
    ProjectError : one is not of that form.
    """
    found = {}
    for text in texts:
        name, _sign, number = text.partition("=")
        if not name.isidentifier() or not number.removeprefix("-").isdecimal():
            raise ProjectError("--set {text}: expected NAME=NUMBER, such as stride=2", text=text)
        found[name] = int(number)
    return found


class _Stopped(Exception):
    """The layer did not run; what came of it is kept."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class _Layer:
    """One layer in one setting, driven through the jail."""

    def __init__(self, session: Session, module: str, kind: str, settings: Mapping[str, int]) -> None:
        self.session = session
        self.settings = dict(settings)
        self.config: dict[str, Any] = {"module": module, "kind": kind, "settings": self.settings}
        self.accepted: dict[str, int] = {}

    def gradients(self) -> list[Gradient]:
        """Compare the gradient of the input, and of every parameter for which the layer keeps one."""
        facts = self._run("describe")
        self.accepted = {
            name: value
            for (name, value), known in zip(self.settings.items(), facts["accepted"], strict=True)
            if known
        }
        shape = FEATURES if facts["features"] else PICTURES
        rng = np.random.default_rng(SEED)
        count = int(np.prod(shape))
        # No two entries are equal and none is zero.
        values = np.linspace(-INPUT_RANGE, INPUT_RANGE, count + count % 2)[:count]
        inputs = values[rng.permutation(count)].reshape(shape)
        labels = rng.integers(0, LABELS, size=shape[0])
        fixed = {"x": inputs, "labels": labels}
        outputs = self._run("forward", vary="x", stack=inputs[None], **fixed)["outputs"][0]
        precision = "float32" if outputs.dtype.itemsize < np.dtype(np.float64).itemsize else "float64"
        out_grad = rng.standard_normal(outputs.shape) if outputs.ndim else np.ones(())
        claimed = self._run("backward", out_grad=out_grad, **fixed)
        found = []
        setting = _named(self.accepted)
        for name, gradient in claimed.items():
            point = inputs if name == "x" else facts[name].astype(np.float64)
            if gradient.shape != point.shape:
                text = _(
                    "backward gives shape {seen}, and {required} is needed",
                    seen=gradient.shape,
                    required=point.shape,
                )
                found.append(Gradient(setting, _title(name), point.size, point.size, 0, 0, shape_message=text))
                continue
            measured = self._differences(name, point, out_grad, STEP[precision], fixed)
            found.append(compare_gradients(setting, name, gradient, measured, RELATIVE_BOUND[precision]))
        return found

    def _differences(
        self, name: str, point: np.ndarray, out_grad: np.ndarray, step: float, fixed: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        stack = np.repeat(point[None], 2 * point.size, axis=0).reshape(2, point.size, point.size)
        stack[0] += step * np.eye(point.size)
        stack[1] -= step * np.eye(point.size)
        stack = stack.reshape(2 * point.size, *point.shape)
        outputs = self._run("forward", vary=name, stack=stack, **fixed)["outputs"].astype(np.float64)
        weighted = (outputs * out_grad).reshape(2, point.size, -1).sum(axis=2)
        return np.asarray((weighted[0] - weighted[1]) / (2 * step)).reshape(point.shape)

    def _run(self, check: str, **values: Any) -> dict[str, np.ndarray]:
        case = Case.of(_named(self.settings), **self.config, **values)
        outcome = self.session.run(self.session.lab.checks[check], case)
        if outcome.verdict is not None:
            raise _Stopped(outcome)
        return dict(outcome.outputs)


def compare_gradients(
    setting: str, name: str, claimed: np.ndarray, measured: np.ndarray, relative_bound: float
) -> Gradient:
    """Compare two gradients of one shape; what is allowed is relative to the largest measured entry."""
    scale = float(np.abs(measured).max(initial=0.0)) or 1.0
    bound = relative_bound * scale
    error = np.abs(claimed.astype(np.float64) - measured)
    # Written so that NaN differs.
    wrong = ~(error <= bound)
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    return Gradient(
        setting,
        _title(name),
        error.size,
        int(wrong.sum()),
        float(error[worst]),
        bound,
        tuple(int(index) for index in worst),
        float(claimed[worst]),
        float(measured[worst]),
    )


def _title(name: str) -> str:
    return _("the input") if name == "x" else _("the {parameter}", parameter=name)


def _named(settings: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
