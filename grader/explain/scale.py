"""Errors that are a factor or an offset, for the whole array or channel by channel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grader.explain.comparison import MIN_ENTRIES, Comparison, Fingerprint
from grader.language.translation import _, marked

FACTOR_TOLERANCE = 1e-3
SETTING_NAMES = {
    "calls": marked("the number of calls"),
    "k": marked("the kernel size K"),
    "stride": marked("the stride S"),
    "c_in": marked("the number of input channels"),
    "c_out": marked("the number of output channels"),
    "in_features": marked("the number of inputs"),
    "out_features": marked("the number of outputs"),
}


def scales(view: Comparison) -> list[Fingerprint]:
    """Find a constant factor, a constant offset, or either for each channel."""
    if view.expected.size < 2:
        return list(_scalar_factor(view))
    if not view.actual.any():
        return []
    found = [*_factor(view), *_offset(view)]
    if not found:
        found = [*_by_channel(view)]
    return found


def named_factor(view: Comparison, factor: float) -> list[str]:
    """Return what the factor is in this case, such as ``the batch size``: all that it may be, the likely first."""
    return list(
        dict.fromkeys(
            text
            for value, text in _candidates(view)
            if value not in (0, 1) and math.isclose(factor, value, rel_tol=FACTOR_TOLERANCE)
        )
    )


def _candidates(view: Comparison) -> Iterator[tuple[float, str]]:
    """Yield numbers that occur as a wrong factor, the likely ones first."""
    batch = _batch(view)
    if batch > 1:
        yield batch, _("the batch size N")
        yield 1 / batch, _("1 / N, with N the batch size")
    settings = _settings(view.config)
    kernel = settings.get("k")
    if kernel is not None:
        yield kernel**2, _("K * K, the entries of the window")
        yield 1 / kernel**2, _("1 / (K * K), with K the window size")
    for key, value in settings.items():
        text = _(SETTING_NAMES[key]) if key in SETTING_NAMES else f"`{key}`"
        yield value, text
        yield 1 / value, f"1 / {text}"
    if kernel is not None and "c_in" in settings:
        yield kernel**2 * settings["c_in"], _("C_in * K * K, the number of products in each sum")
        yield 1 / (kernel**2 * settings["c_in"]), _("1 / (C_in * K * K)")
    for axis, size in enumerate(view.expected.shape):
        if axis and size > 1:
            yield size, _("the length of axis {axis}", axis=axis)
            yield 1 / size, _("1 / the length of axis {axis}", axis=axis)
    yield view.expected.size, _("the number of entries")
    yield 1 / view.expected.size, _("1 / the number of entries")
    yield 1 / math.log(2), _("1 / ln 2: the logarithm has base 2 instead of e")
    yield 1 / math.log(10), _("1 / ln 10: the logarithm has base 10 instead of e")
    yield 2, _("two")
    yield 0.5, _("one half")
    yield 255, _("255, the range of a byte")
    yield 1 / 255, _("1 / 255")


def _batch(view: Comparison) -> int:
    arrays = [view.inputs[name] for name in ("x", "inputs", "logits") if name in view.inputs]
    if arrays and arrays[0].ndim:
        return int(arrays[0].shape[0])
    return int(view.expected.shape[0]) if view.expected.ndim > 1 else 1


def _settings(config: Mapping[str, Any]) -> dict[str, int]:
    return {
        key: value
        for key, value in config.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 1
    }


def _scalar_factor(view: Comparison) -> Iterator[Fingerprint]:
    """A single number shows a factor only if the factor is a known one."""
    if view.expected.size != 1 or not view.expected.any():
        return
    factor = float(view.actual.flat[0] / view.expected.flat[0])
    if math.isclose(factor, -1, rel_tol=FACTOR_TOLERANCE):
        yield Fingerprint("negated", _("It has the opposite sign of what is required."))
    elif names := named_factor(view, factor):
        readings = {name: _("It is this many times what is required: {factor}.", factor=name) for name in names}
        text = _("It is a multiple of what is required, by a number that differs from case to case.")
        yield Fingerprint("factor", text, readings)


def _factor(view: Comparison) -> Iterator[Fingerprint]:
    energy = float((view.expected**2).sum())
    if view.expected.size < MIN_ENTRIES or energy == 0:
        return
    factor = float((view.actual * view.expected).sum()) / energy
    if abs(factor) < FACTOR_TOLERANCE or not view.equals(factor * view.expected):
        return
    if math.isclose(factor, -1, rel_tol=FACTOR_TOLERANCE):
        yield Fingerprint("negated", _("Every entry has the opposite sign of what is required."))
        return
    number = f"{factor:.4g}"
    readings = {}
    for name in named_factor(view, abs(factor)):
        if factor < 0:
            readings[f"-{name}"] = _(
                "Every entry is {factor} times what is required, which is minus {name} here.",
                factor=number,
                name=name,
            )
        else:
            readings[name] = _(
                "Every entry is {factor} times what is required, which is {name} here.", factor=number, name=name
            )
    readings[number] = _("Every entry is {factor} times what is required.", factor=number)
    text = _(
        "Every entry is multiplied by one number, which differs from case to case; here it is {factor}.",
        factor=number,
    )
    yield Fingerprint("factor", text, readings)


def _offset(view: Comparison) -> Iterator[Fingerprint]:
    if view.expected.size < MIN_ENTRIES:
        return
    offset = float((view.actual - view.expected).mean())
    if view.equals(view.expected + offset):
        yield Fingerprint(
            "offset", _("Every entry is off by one and the same number: an addition is missing or wrong.")
        )


def _by_channel(view: Comparison) -> Iterator[Fingerprint]:
    """Look along axis 1: channels of pictures, or features."""
    if view.expected.ndim < 2 or view.expected.shape[1] < 2:
        return
    others = tuple(axis for axis in range(view.expected.ndim) if axis != 1)
    if int(np.prod([view.expected.shape[axis] for axis in others])) < MIN_ENTRIES - 1:
        return
    what = _("channel") if view.expected.ndim == 4 else _("column")
    offsets = (view.actual - view.expected).mean(axis=others, keepdims=True)
    if view.equals(view.expected + offsets):
        yield _offset_by_channel(view, offsets.reshape(-1), what)
        return
    energy = (view.expected**2).sum(axis=others, keepdims=True)
    products = (view.actual * view.expected).sum(axis=others, keepdims=True)
    factors = np.divide(products, energy, out=np.zeros_like(products), where=energy > 0)
    if factors.any() and view.equals(view.expected * factors):
        yield Fingerprint("factor_by_channel", _("Every {what} is multiplied by a number of its own.", what=what))


def _offset_by_channel(view: Comparison, offsets: np.ndarray, what: str) -> Fingerprint:
    """Say by how many times the bias each channel is off, if it is that."""
    text = _("Every {what} is off by a number of its own.", what=what)
    bias = view.inputs.get("bias", np.zeros(0)).astype(np.float64).reshape(-1)
    energy = float(bias @ bias)
    if "grad" in view.output or bias.shape != offsets.shape or bias.size < 2 or energy == 0:
        return Fingerprint("offset_by_channel", text)
    times = float(offsets @ bias) / energy
    if np.abs(offsets - times * bias).max() > FACTOR_TOLERANCE * np.abs(offsets).max():
        return Fingerprint("offset_by_channel", text)
    if math.isclose(times, -1, rel_tol=FACTOR_TOLERANCE):
        return Fingerprint("offset_by_channel", text, {"missing": _("The bias is not added.")})
    counted = 1 + times
    readings = {}
    for name in named_factor(view, counted):
        readings[name] = _(
            "The bias is added {times} times, which is {name} here.", times=f"{counted:.4g}", name=name
        )
    readings[f"{counted:.4g}"] = _("The bias is added {times} times.", times=f"{counted:.4g}")
    return Fingerprint("offset_by_channel", text, readings)
