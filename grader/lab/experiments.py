"""What a lab's ``experiment.py`` is written with: a long run of a submission that reports after every step.

``experiment.py`` defines ``run(student, case, state)``, a generator of `Record`. ``case`` holds the options as
settings and pictures as arrays (the bytes of their files); ``state`` is what an earlier snapshot kept, empty for a
fresh start. Between two records the worker stands still, so an experiment can be left and taken up again anywhere.
Like `grader.lab.checks`, this module runs inside the jail, beside the submission, and needs nothing but NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STATE, CURVE, PICTURE, NUMBER = "state/", "curve/", "picture/", "number/"


@dataclass(frozen=True)
class Snapshot:
    """What is kept of a step.

    Attributes
    ----------
    state : arrays with which ``run`` can go on as if it had never stopped; the same names and shapes every time.
    pictures : by name, uint8, (rows, columns, 3) in the order red, green, blue, or (rows, columns).
    numbers : results of the run so far, by what a person reads, such as ``test accuracy``; in order. A name made by
        `named` is shown in the reader's language.
    """

    state: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What is told after a step.

    Attributes
    ----------
    step : how many of ``total`` steps are done; it only grows.
    curves : values to draw over the steps. ``loss/train`` and ``loss/test`` share one panel; the first of each is
        shown while it runs. A curve need not have a value at every step.
    snapshot : makes the snapshot of this step. It is called only when one is kept, so it may take its time.
    notes : what a person should know, each told once: a plain text, or a sentence made by `note`.
    """

    step: int
    total: int
    curves: Mapping[str, float]
    snapshot: Callable[[], Snapshot] = Snapshot
    notes: Sequence[str | Mapping[str, Any]] = ()


def note(template: str, /, **values: Any) -> dict[str, Any]:
    """Return a sentence for the reader's language: a constant in the lab's own source, and its values."""
    return {
        "message": template.format(**values) if values else template,
        "required": template,
        "values": {name: str(value) for name, value in values.items()},
    }


class Named(str):
    """The name of a result, in English, with what it is made of in ``told``."""

    told: Mapping[str, Any]


def named(template: str, /, **values: Any) -> Named:
    """Return the name of a result for the reader's language: a constant in the lab's own source, and its values."""
    told = note(template, **values)
    name = Named(told["message"])
    name.told = told
    return name


def record_outputs(record: Record, finished: bool) -> dict[str, Any]:
    """Return a record as the named arrays that travel."""
    return {
        "step": np.int64(record.step),
        "total": np.int64(record.total),
        "finished": np.bool_(finished),
        **{f"{CURVE}{name}": np.float64(value) for name, value in record.curves.items()},
    }


def snapshot_outputs(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as the named arrays that travel."""
    return {
        **{f"{STATE}{name}": value for name, value in snapshot.state.items()},
        **{f"{PICTURE}{name}": value for name, value in snapshot.pictures.items()},
        **{f"{NUMBER}{name}": np.float64(value) for name, value in snapshot.numbers.items()},
    }


def kept_attributes(thing: Any) -> dict[str, np.ndarray]:
    """Return the arrays and numbers among an object's attributes by name, such as the moments of an optimiser."""
    return {
        name: np.array(value)
        for name, value in vars(thing).items()
        if isinstance(value, np.ndarray | np.number | int | float) and np.asarray(value).dtype.kind in "fiub"
    }


def put_back(thing: Any, kept: Mapping[str, np.ndarray]) -> None:
    """Set the attributes that `kept_attributes` returned; a number comes back as a number."""
    for name, value in kept.items():
        setattr(thing, name, value.item() if value.ndim == 0 else value.copy())


def part_of(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
