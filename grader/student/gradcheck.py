"""Checks the gradients of a layer against differences of its own forward pass; needs no expected value.

For a layer Y = f(X) and any G of the output's shape, ``backward(G)`` must be the gradient of sum(G * f(X)). Entry
by entry that is compared with the central difference (sum(G f(X + h e)) - sum(G f(X - h e))) / 2h, whose error is
of order h² [1]_. The layer is driven by the lab's own checks, in the jail, on public cases; here only its numbers
are compared.

.. [1] W. H. Press et al., "Numerical Recipes", 3rd ed., section 5.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType

import numpy as np

from grader.explain.messages import describe_run
from grader.lab.checks import Case, Check
from grader.language.near import meant_or_known
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.fixtures import Fixture, read_fixture
from grader.project.places import Project, ProjectError
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.properties import gradients_of, layers
from grader.run.property_rules import EXACT_DIFFERENCES, INVISIBLE, ROUGH_DIFFERENCES, Layer, wide
from grader.run.session import Outcome, Session
from grader.student.gradcheck_result import Gradient, GradientCheck
from grader.student.layer_checks import fits

SEED = 7
MAX_CASES, MAX_ENTRIES, MAX_CASE_ENTRIES = 3, 48, 4000
# How often a derivative is taken across a kink of a maximum or of ReLU, where there is none.
MAX_KINKS = 0.5
# Several numbers are a list, as in a recorded case.
Setting = int | str | list[int]


def gradcheck(
    project: Project,
    lab: Lab,
    submission: Path,
    target: str,
    progress: Progress,
    settings: Mapping[str, Setting] | None = None,
) -> GradientCheck:
    """Check the gradients of the layer that ``target`` names: a class, as ``FILE:CLASS``, or a layer of the lab.

    ``settings`` take the place of those of the public cases, such as another stride.

    Raises
    ------
    ProjectError : no check drives such a layer forward and backward.
    SubmissionError : the submission cannot be collected.
    FixtureError : the public fixtures are missing or damaged; only their inputs are used.
    """
    wanted = _layers_of(lab, target)
    fixture = read_fixture(project.fixtures(lab.name, "public"), [layer.forward.id for layer in wanted])
    _require_settings(target, wanted, fixture, settings or {})
    found: list[Gradient] = []
    with opened(project, lab, submission, progress.note) as work:
        for layer in wanted:
            cases = [recorded.case for recorded in fixture.checks[layer.forward.id]]
            for case in _some(cases, settings or {}):
                title = translated(case.name, lab.folder)
                progress.step(f"{layer.name}: {title}")
                driven = _Driven(work.session, layer, case, f"{layer.name}, {title}" if len(wanted) > 1 else title)
                try:
                    found += driven.gradients(drawn=bool(settings))
                except _Stopped as stopped:
                    return GradientCheck(target, found, describe_run(stopped.outcome, (), lab.folder))
    if found:
        return GradientCheck(target, found)
    return GradientCheck(
        target, found, _("Every change crosses a kink of a maximum or of ReLU: there is nothing to compare.")
    )


def _layers_of(lab: Lab, target: str) -> list[Layer]:
    """Return the layers whose checks drive the class, or that have the name."""
    file, colon, kind = target.partition(":")
    both = [layer for layer in layers(lab.checks) if layer.backward is not None]
    if colon:
        found = [layer for layer in both if file in layer.forward.files and kind in names_in(layer.forward)]
    else:
        found = [layer for layer in both if fits(layer.forward, target)]
    if not both:
        raise ProjectError(
            "no check of lab {lab} drives a layer forward and backward, so there is nothing to compare",
            lab=lab.name,
        )
    if not found:
        raise ProjectError(
            "no check of lab {lab} drives {target} forward and backward; name a layer such as {known}, or its "
            "class as FILE:CLASS",
            lab=lab.name,
            target=target,
            known=", ".join(layer.name for layer in both),
        )
    return found


def _require_settings(
    target: str, wanted: Sequence[Layer], fixture: Fixture, settings: Mapping[str, Setting]
) -> None:
    """Refuse a setting that no case has and no check reads: it would change nothing, and nobody would notice."""
    checks = [check for layer in wanted for check in (layer.forward, layer.backward) if check is not None]
    cases = [recorded.case for layer in wanted for recorded in fixture.checks[layer.forward.id]]
    known = list(dict.fromkeys(name for case in cases for name in case.config))
    for name in settings:
        if name not in known and not any(name in names_in(check) for check in checks):
            raise ProjectError(
                "{layer} has no setting {name}{near}",
                layer=target,
                name=repr(name),
                near=meant_or_known(name, known),
            )


def names_in(check: Check) -> frozenset[str]:
    """Return the names and texts that a check's code uses, and those of the lab's functions that it calls."""
    found: set[str] = set()
    waiting = [check.function]
    seen = set()
    while waiting:
        function = waiting.pop()
        if function in seen or not hasattr(function, "__code__"):
            continue
        seen.add(function)
        names = set(_names(function.__code__))
        found |= names
        around = function.__globals__
        own = [around[name] for name in names if name in around]
        waiting += [item for item in own if getattr(item, "__globals__", None) is around]
        # Constants of the lab, such as the name of a class.
        found |= {item for item in own if isinstance(item, str)}
    return frozenset(found)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _names(constant)


def _some(cases: Sequence[Case], settings: Mapping[str, Setting]) -> list[Case]:
    """Return a few small cases in which the layer is called once, with other settings if there are any."""
    plain = [case for case in cases if not {"calls", "earlier_x"} & (set(case.config) | set(case.arrays))]
    small = [case for case in plain if sum(array.size for array in case.arrays.values()) <= MAX_CASE_ENTRIES]
    chosen = (small or plain)[:MAX_CASES] if not settings else (small or plain)[:1]
    return [replace(case, config={**case.config, **settings}) for case in chosen]


class _Stopped(Exception):
    """The layer did not run; what came of it is kept."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.message))
        self.outcome = outcome


class _Driven:
    """One layer on one case."""

    def __init__(self, session: Session, layer: Layer, case: Case, setting: str) -> None:
        self.session = session
        self.layer = layer
        self.case = replace(case, arrays={name: wide(array) for name, array in case.arrays.items()})
        self.setting = setting

    def gradients(self, *, drawn: bool) -> list[Gradient]:
        """Compare the gradients of the input and of every parameter that the lab's check returns.

        With ``drawn`` the gradient that arrives is drawn to fit the output, whose size the case does not know.
        """
        if self.layer.backward is None:
            return []
        outputs = self._forward(self.case)
        rng = np.random.default_rng(SEED)
        if "out_grad" in self.case.arrays and (drawn or self.case.arrays["out_grad"].shape != outputs.shape):
            arrays = {**self.case.arrays, "out_grad": rng.standard_normal(outputs.shape)}
            self.case = replace(self.case, arrays=arrays)
        out_grad = self.case.arrays.get("out_grad", np.ones(outputs.shape))
        claimed = self._run(self.layer.backward, self.case)
        of = gradients_of(self.layer.backward, self.case)
        return [
            found
            for output, name in of.items()
            if output in claimed and (found := self._compared(name, claimed[output], outputs, out_grad)) is not None
        ]

    def _compared(
        self, name: str, gradient: np.ndarray, outputs: np.ndarray, out_grad: np.ndarray
    ) -> Gradient | None:
        point = self.case.arrays[name]
        if gradient.shape != point.shape:
            text = _(
                "backward gives shape {seen}, and {required} is needed", seen=gradient.shape, required=point.shape
            )
            return Gradient(self.setting, _title(name), point.size, point.size, 0, 0, shape_message=text)
        # A change that float32 cannot see: an output that stays the same was computed with float32 inside.
        exact = not np.array_equal(self._forward(self._with(name, point * (1 + INVISIBLE))), outputs)
        step, bound, kink = EXACT_DIFFERENCES if exact else ROUGH_DIFFERENCES
        entries = np.random.default_rng(SEED).permutation(point.size)[:MAX_ENTRIES]
        middle = float((outputs * out_grad).sum())
        scale = float(np.abs(gradient).max(initial=0.0)) or 1.0
        kept, measured = [], []
        for entry in entries:
            ahead, behind = (
                float((self._forward(self._moved(name, int(entry), way * step)) * out_grad).sum())
                for way in (1, -1)
            )
            # What is no number lies across no kink; it is shown to differ.
            if not abs((ahead - middle) - (middle - behind)) / step / scale > max(kink, bound):
                kept.append(int(entry))
                measured.append((ahead - behind) / (2 * step))
        if len(kept) < MAX_KINKS * len(entries):
            return None
        places = np.array(kept)
        return compare_gradients(
            self.setting, name, gradient.reshape(-1)[places], np.array(measured), bound, places, point.shape
        )

    def _with(self, name: str, array: np.ndarray) -> Case:
        return replace(self.case, arrays={**self.case.arrays, name: array})

    def _moved(self, name: str, entry: int, distance: float) -> Case:
        array = self.case.arrays[name].copy()
        array.reshape(-1)[entry] += distance
        return self._with(name, array)

    def _forward(self, case: Case) -> np.ndarray:
        return np.asarray(next(iter(self._run(self.layer.forward, case).values()))).astype(np.float64)

    def _run(self, check: Check, case: Case) -> Mapping[str, np.ndarray]:
        outcome = self.session.run(check, case)
        if outcome.verdict is not None:
            raise _Stopped(outcome)
        return outcome.outputs


def parse_settings(texts: Sequence[str]) -> dict[str, Setting]:
    """Read ``NAME=VALUE`` settings: a number, several as ``1,0,0,1`` or ``(3, 2)``, or a word such as ``same``.

    Raises
    ------
    ProjectError : one is not of that form.
    """
    found: dict[str, Setting] = {}
    for text in texts:
        name, _sign, value = text.partition("=")
        numbers = [part.strip() for part in value.strip("() ").split(",") if part.strip()]
        whole = bool(numbers) and all(re.fullmatch(r"-?[0-9]+", part) for part in numbers)
        if not name.isidentifier() or not (whole or value.isidentifier()):
            raise ProjectError(
                "--set {text}: expected NAME=NUMBER, such as stride=2, several, such as pad=1,0,0,1, or a word, "
                "such as pad=same",
                text=text,
            )
        several = len(numbers) > 1 or value.strip().startswith("(")
        found[name] = value if not whole else [int(part) for part in numbers] if several else int(numbers[0])
    return found


def compare_gradients(
    setting: str,
    name: str,
    claimed: np.ndarray,
    measured: np.ndarray,
    relative_bound: float,
    places: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
) -> Gradient:
    """Compare entries of two gradients; what is allowed is relative to the largest measured one.

    ``places`` are the positions of the entries in the flat gradient of that ``shape``; all of it if absent.
    """
    scale = float(np.abs(measured).max(initial=0.0)) or 1.0
    bound = relative_bound * scale
    error = np.abs(claimed.astype(np.float64) - measured).reshape(-1)
    # Written so that NaN differs.
    wrong = ~(error <= bound)
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    place = worst if places is None else int(places[worst])
    return Gradient(
        setting,
        _title(name),
        error.size,
        int(wrong.sum()),
        float(error[worst]),
        bound,
        tuple(int(index) for index in np.unravel_index(place, shape or claimed.shape)),
        float(claimed.reshape(-1)[worst]),
        float(measured.reshape(-1)[worst]),
    )


def _title(name: str) -> str:
    return _("the {parameter}", parameter=name) if name in ("weight", "bias") else _("the input")
