"""Reads what an experiment sent. The worker is the student's: every name, size and number is checked first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grader.lab.experiments import CURVE, NUMBER, PICTURE, STATE, part_of
from grader.language.errors import BadInput

MAX_STEPS = 10_000_000
MAX_CURVES = 16
MAX_PICTURES = 16
MAX_NUMBERS = 64
MAX_PICTURE_SIDE = 4096
CURVE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,30}(/[A-Za-z][A-Za-z0-9_ -]{0,30})?")
FILE_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
MAX_NUMBER_NAME_CHARACTERS = 70


class RecordError(BadInput):
    """What an experiment sent cannot be used; the message is for the student."""


@dataclass(frozen=True)
class Progressed:
    """Where an experiment stands: ``step`` of ``total``, the values of its curves, whether it has ended."""

    step: int
    total: int
    curves: Mapping[str, float]
    finished: bool


@dataclass(frozen=True)
class Kept:
    """What is to be kept of a step; see `grader.lab.experiments.Snapshot`."""

    state: Mapping[str, np.ndarray]
    pictures: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]


def read_record(outputs: Mapping[str, np.ndarray], after: int) -> Progressed:
    """Return the record in the arrays of an answer; its step must not lie before ``after``.

    Raises
    ------
    RecordError : it is none, or a value is no finite number; the message names it.
    """
    step, total = (_whole(outputs, name) for name in ("step", "total"))
    if not 0 <= after <= step <= total <= MAX_STEPS:
        raise RecordError(
            "the experiment stands at step {step} of {total} after step {after}",
            step=step,
            total=total,
            after=after,
        )
    curves = part_of(outputs, CURVE)
    if len(curves) > MAX_CURVES or not all(CURVE_NAME.fullmatch(name) for name in curves):
        raise RecordError(
            "the experiment has more than {MAX_CURVES} curves, or one with an unusable name", MAX_CURVES=MAX_CURVES
        )
    values = {name: _number(name, array, step) for name, array in curves.items()}
    finished = outputs.get("finished", np.zeros(0))
    return Progressed(step, total, values, finished.shape == () and bool(finished))


def read_snapshot(outputs: Mapping[str, np.ndarray], step: int) -> Kept:
    """Return the snapshot in the arrays of an answer.

    Raises
    ------
    RecordError : a picture is none, a name cannot be one of a file, or a number is not finite.
    """
    state, pictures = part_of(outputs, STATE), part_of(outputs, PICTURE)
    for name, array in state.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise RecordError(
                "`{name}` holds NaN or infinite numbers at step {step}; it is not kept", name=name, step=step
            )
    if len(pictures) > MAX_PICTURES:
        raise RecordError(
            "{pictures} pictures were sent at step {step}; at most {MAX_PICTURES} are kept",
            pictures=len(pictures),
            step=step,
            MAX_PICTURES=MAX_PICTURES,
        )
    for name, array in pictures.items():
        if not FILE_NAME.fullmatch(name):
            raise RecordError("a picture of step {step} has an unusable name", step=step)
        _require_picture(name, array)
    numbers = part_of(outputs, NUMBER)
    if len(numbers) > MAX_NUMBERS or any(len(name) > MAX_NUMBER_NAME_CHARACTERS for name in numbers):
        raise RecordError(
            "more than {MAX_NUMBERS} results were sent at step {step}, or one with a long name",
            MAX_NUMBERS=MAX_NUMBERS,
            step=step,
        )
    return Kept(state, pictures, {name: _number(name, array, step) for name, array in numbers.items()})


def _whole(outputs: Mapping[str, np.ndarray], name: str) -> int:
    found = outputs.get(name)
    if found is None or found.shape != () or found.dtype.kind != "i":
        raise RecordError("the experiment did not say its {name} as a whole number", name=name)
    return int(found)


def _number(name: str, array: np.ndarray, step: int) -> float:
    if array.shape != () or array.dtype.kind not in "fiub":
        raise RecordError("`{name}` is not a single number at step {step}", name=name, step=step)
    value = float(array)
    if not np.isfinite(value):
        raise RecordError(
            "`{name}` is {value} at step {step}: the numbers have grown beyond all bounds",
            name=name,
            value=value,
            step=step,
        )
    return value


def _require_picture(name: str, array: np.ndarray) -> None:
    right_axes = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not right_axes:
        raise RecordError(
            "picture `{name}` has shape {shape} and dtype {dtype}; uint8 of shape (rows, columns, 3) or "
            "(rows, columns) is required",
            name=name,
            shape=array.shape,
            dtype=array.dtype,
        )
    if not 1 <= min(array.shape[:2]) <= max(array.shape[:2]) <= MAX_PICTURE_SIDE:
        raise RecordError(
            "picture `{name}` has {shape} x {shape2} pixels", name=name, shape=array.shape[0], shape2=array.shape[1]
        )
