"""What a lab's ``checks.py`` is written with: checks, cases and samples of large activations.

A check drives a submission and returns named arrays. It holds no expected value: publishing records what the
reference returns, grading compares what the submission returns. This module runs on both sides of the trust
boundary and therefore needs nothing but NumPy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from tempfile import NamedTemporaryFile
from typing import Any, Protocol, TypeVar

import numpy as np

SAMPLE_SIZE = 1024
PIECE_SIZE = 1 << 18
# A case whose pictures are not (N, C, rows, columns) names their layout under this setting.
LAYOUT = "layout"
# Cases of the course decide the tiers; what lies beyond it (other strides, several samples, ...) is always run and
# reported, and decides only where a lab or an instructor asks for it.
COURSE, GENERAL = "course", "general"
CHANNELS_FIRST, CHANNELS_LAST = "NCHW", "NHWC"


@dataclass(frozen=True)
class Case:
    """One input of a check: plain settings and arrays, both readable as attributes.

    ``Case("stride 2", stride=2, x=np.zeros((1, 3, 8, 8)))`` has ``case.stride`` and ``case.x``.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    domain: str = COURSE

    @classmethod
    def of(cls, name: str, **values: Any) -> Case:
        """Sort keyword arguments into settings and arrays."""
        arrays = {key: np.ascontiguousarray(v) for key, v in values.items() if isinstance(v, np.ndarray)}
        config = {key: v for key, v in values.items() if not isinstance(v, np.ndarray)}
        return cls(name, config, arrays)

    def beyond(self) -> Case:
        """Return this case as one that lies beyond the course: it decides no tier."""
        return replace(self, domain=GENERAL)

    def write_file(self, name: str, suffix: str) -> str:
        """Write the bytes of the array ``name`` to a new file, for code that reads one; return its path.

        It lies in the worker's scratch folder and goes with it. It is closed: Windows opens a file only once.
        """
        with NamedTemporaryFile(suffix=suffix, delete=False) as file:
            file.write(self.arrays[name].tobytes())
        return file.name

    def __getattr__(self, key: str) -> Any:
        for source in ("config", "arrays"):
            values = self.__dict__.get(source, {})
            if key in values:
                return values[key]
        raise AttributeError(f"case {self.__dict__.get('name')!r} has no {key!r}")


class Student(Protocol):
    """What a check sees of a submission. ``student.layer`` is the module ``layer.py`` that was handed in."""

    def __getattr__(self, module: str) -> Any:
        """Import the submission's module of that name (once in a worker)."""

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make()`` gave the first time in this worker: a network that several checks share."""

    def emit(self, name: str, value: Any) -> None:
        """Send one named output now; the grader's clock notes its arrival, so steps can be timed."""

    def resource(self, name: str) -> dict[str, Any]:
        """Return a read-only resource of the lab, such as its checkpoint: nested names to arrays."""

    def resource_file(self, name: str) -> str:
        """Return the path of a resource that is a single file, for submissions that read it themselves."""

    def require(self, condition: bool, template: str, /, **values: Any) -> None:
        """Fail the check with verdict ``wrong`` and this message, for facts that are not arrays.

        ``template`` is a constant, so that it can be translated, with the ``{names}`` of ``values`` in it.
        """


class Unlike(Exception):
    """Raised by a check's ``derive``: what was sent is not what is demanded.

    ``template`` is a constant, so that it can be translated, with the ``{names}`` of ``values`` in it.
    """

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(template.format(**values) if values else template)
        self.template, self.values = template, values


CheckFunction = Callable[[Any, Case], "Mapping[str, Any] | None"]
Derive = Callable[[Case, Mapping[str, np.ndarray]], Mapping[str, Any]]
CaseSource = Callable[..., Iterable[Case]]


@dataclass(frozen=True)
class Speed:
    """How fast a check must be, as a ratio to what the lab's own solution needs for another check.

    The figure is the reference's seconds at ``against`` over the submission's seconds here; how slow a submission's
    own version of ``against`` is does not matter. Every case of the check is one repeat, so they must do the same
    work on different values, and no other check may use them.

    Attributes
    ----------
    against : id of the check that the reference runs as the baseline, such as the same layer with loops. Its own
        cases do the same work as those of the check.
    at_least : the ratio that is needed.
    cases : makes a smaller input for the baseline, so that it can be measured several times; None takes a case of
        ``against``.
    scale : by how many times the work of one call exceeds that of the baseline's input.
    multiply_adds : of one call as the textbook counts them. No processor does it in less than a small fraction of
        the time that they need; a repeat that seems to be faster does not count.
    hint : what to do about a version that is right but too slow.
    """

    against: str
    at_least: float
    cases: CaseSource | None = None
    scale: float = 1.0
    multiply_adds: int = 0
    hint: str = ""


@dataclass(frozen=True)
class Learning:
    """What a check that trains must reach: predictions that are right often enough.

    Only the predictions are compared, and not with those of the reference, which another order of the same sums
    changes: the case has an array of their name with what is right, which never reaches the submission. Everything
    else that the check sends is looked at, not compared, and may explain why nothing was learned.

    Attributes
    ----------
    at_least : share of the predictions that must be right, 0 to 1.
    predictions : name of that output.
    loss : name of the output with the loss of every step, in order.
    progress : name of the output with predictions on the way, one row for each time that they were made.
    gradients, moved : what stands before the ``/`` of outputs that say of each layer how large its parameters'
        gradients are in the first step, and how far its parameters have moved in the end.
    kept_back : name of a file with pictures and labels to judge by. The file of that name in the lab's folder is
        given to students, so the hidden cases come from another one, in `KEPT_BACK` of the solution's folder,
        which neither a kit nor a submission's box holds: the maker of cases is called with its path as second
        argument. Empty if the maker invents what it judges by.
    """

    at_least: float
    predictions: str = "predictions"
    loss: str = "loss"
    progress: str = "progress"
    gradients: str = "gradient"
    moved: str = "moved"
    kept_back: str = ""


@dataclass(frozen=True)
class Check:
    """A check function with what the grader needs to know about it.

    Attributes
    ----------
    tier : 60, 80 or 100; None for an exercise that is shown but not scored.
    cases : makes the cases from a random generator (and the path of what is kept back, see `Learning`); called
        when the lab is published, never when grading.
    needs : ids of checks that must pass first; otherwise this one is ``skipped`` with the reason.
    holes : names of the skeleton's holes that the check exercises, in the order of the handout.
    files : the student's files that it touches; ``check --watch`` re-runs what a saved file affects.
    metric : how outputs are compared. ``"max"``: every entry within ``atol + rtol * |expected|``;
        ``"l2"``: the Euclidean norm of the difference relative to that of the expected array, for gradients
        of deep networks in which a near tie may flip a ReLU or an arg-max.
    group : checks of one group share a worker, so that a student's JIT compilation is paid once.
    slow : left out of a quick ``check``; only ``check --all`` and ``grade`` run it.
    limit_s : deadline of one call on the grader's clock; None takes the lab's.
    budget : ``(check id, scale, seconds)``: run only if the seconds that the named check took, times ``scale``, are
        at most ``seconds``; for exercises that a right but slow submission should not wait for.
    speed : how fast it must be besides being right; None if that does not matter.
    learning : what it must reach if it trains; None if it does not.
    gradients : which of its outputs is the gradient of which array of the case, ``{"d_weight": "weight"}``, for
        checks of backward passes whose outputs are not named like that.
    derive : ``derive(case, sent)`` makes of the arrays that the check sent those that are compared, where a
        submission only asks for work that others do. It runs in the grader's process, sees arrays only, which may
        hold anything, and raises `Unlike` with a message where they are not what is demanded.
    exact : whether all right programs give the same bits, as arithmetic of whole numbers does. Near ties between
        two bytes are then decided by the definition, and no case is drawn again because of them.
    """

    id: str
    title: str
    function: CheckFunction
    tier: int | None
    cases: CaseSource
    needs: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    metric: str = "max"
    group: str = "layers"
    slow: bool = False
    limit_s: float | None = None
    budget: tuple[str, float, float] | None = None
    speed: Speed | None = None
    learning: Learning | None = None
    gradients: Mapping[str, str] = field(default_factory=dict)
    derive: Derive | None = None
    exact: bool = False

    def __call__(self, student: Any, case: Case) -> Mapping[str, Any] | None:
        return self.function(student, case)


def check(
    *,
    tier: int | None,
    cases: CaseSource,
    needs: Iterable[str] = (),
    holes: Iterable[str] = (),
    files: Iterable[str] = (),
    metric: str = "max",
    group: str = "layers",
    slow: bool = False,
    limit_s: float | None = None,
    budget: tuple[str, float, float] | None = None,
    speed: Speed | None = None,
    learning: Learning | None = None,
    gradients: Mapping[str, str] | None = None,
    derive: Derive | None = None,
    exact: bool = False,
) -> Callable[[CheckFunction], Check]:
    """Turn a function into a check; its name becomes the id, the first line of its docstring the title."""
    if tier not in (60, 80, 100, None):
        raise ValueError(f"tier must be 60, 80, 100 or None, not {tier!r}")
    if budget is not None and tier is not None:
        raise ValueError("only an exercise (tier=None) may have a budget: what is not run does not score")
    if speed is not None and speed.at_least <= 1:
        raise ValueError(f"a speed must be at least more than 1 time the baseline's, not {speed.at_least:g}")
    if learning is not None and not 0 < learning.at_least < 1:
        raise ValueError(f"what must be right is a share between 0 and 1, not {learning.at_least:g}")
    if metric not in ("max", "l2"):
        raise ValueError(f"metric must be 'max' or 'l2', not {metric!r}")

    def wrap(function: CheckFunction) -> Check:
        name = getattr(function, "__name__", "check")
        title = (function.__doc__ or "").strip().splitlines()
        if not title:
            raise ValueError(f"check {name} has no docstring; its first line is the title that students see")
        return Check(
            name, title[0].rstrip("."), function, tier, cases, tuple(needs), tuple(holes), tuple(files),
            metric, group, slow, limit_s, budget, speed, learning, dict(gradients or {}), derive, exact,
        )  # fmt: skip

    return wrap


def one_case(name: str = "default", **values: Any) -> CaseSource:
    """Cases of a check that needs a single fixed one."""
    return lambda rng: [Case.of(name, **values)]


def course_cases(cases: CaseSource, condition: Callable[[Case], bool]) -> CaseSource:
    """Return the same cases, of which only those that fulfil ``condition`` are the course's; others lie beyond it.

    ``course_cases(convolution_cases, lambda case: (case.k, case.padding, case.stride) == (3, 1, 1))``
    """

    def tagged(rng: np.random.Generator) -> Iterable[Case]:
        return [case if condition(case) else case.beyond() for case in cases(rng)]

    return update_wrapper(tagged, cases)


Value = TypeVar("Value")


@dataclass(frozen=True)
class Sampled:
    """An activation too large to record: its shape, four statistics and a seeded sample of its entries."""

    value: Any
    name: str
    size: int = SAMPLE_SIZE

    def parts(self) -> dict[str, np.ndarray]:
        """Return ``shape`` (int64), ``stats`` (mean, standard deviation, min, max; float64) and ``values``."""
        array = np.asarray(self.value)
        if array.dtype.kind not in "fiub" or array.size == 0:
            return {"values": array}
        flat = array.reshape(-1)
        return {
            "shape": np.array(array.shape, dtype=np.int64),
            "stats": statistics(flat),
            "values": flat[sample_positions(self.name, flat.size, self.size)],
        }


def statistics(flat: np.ndarray) -> np.ndarray:
    """Return mean, standard deviation, minimum and maximum of a flat array, float64.

    Sums are taken in float64 piece by piece: a copy of a large layer's weights would double the memory in use.
    """
    mean = flat.mean(dtype=np.float64)
    squares = 0.0
    for start in range(0, flat.size, PIECE_SIZE):
        piece = flat[start : start + PIECE_SIZE] - mean
        squares += float(piece @ piece)
    return np.array([mean, np.sqrt(squares / flat.size), flat.min(), flat.max()], dtype=np.float64)


def sample_positions(name: str, total: int, size: int = SAMPLE_SIZE) -> np.ndarray:
    """Return sorted positions to sample in a flat array of ``total`` entries, the same on every machine.

    One position is drawn from each of ``size`` equal stretches, so that a mistake confined to a border, a
    channel or a sample of the batch is still seen.
    """
    if total <= size:
        return np.arange(total)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    words = np.random.Philox(key=seed).random_raw(size) >> np.uint64(11)
    edges = (np.arange(size + 1, dtype=np.int64) * total) // size
    fraction = words.astype(np.float64) * 2.0**-53
    return edges[:-1] + (fraction * np.diff(edges)).astype(np.int64)
