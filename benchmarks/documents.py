"""Compares result documents but for what is measured (moments, seconds, memory) and where the submission lay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MEASURED = frozenset(("started_at", "times", "memory", "seconds"))
# Of a check that must be fast; whether it was is compared.
MEASURED_SPEED = frozenset(("parts", "repeats", "baseline"))
# In a sentence about speed: a number with its unit of time, which pass gains least, and other numbers.
DURATION = re.compile(r"\d+(\.\d+)? (ns|µs|ms|s|min|h)\b")
SLOWEST = re.compile(r"Begin with `[^`]*`")
NUMBER = re.compile(r"\d+(\.\d+)?")
MEASURED_LAYER = re.compile(r".*(_ms|_share|_gflops)")


def settled(document: dict[str, Any]) -> dict[str, Any]:
    """Return what must be equal; a sentence about speed keeps its words, not what is measured."""
    kept = _without(document, MEASURED)
    kept["submission"] = _without(document["submission"], frozenset(("path",)))
    kept["checks"] = [_check(check) for check in document["checks"]]
    kept["layers"] = [
        {name: value for name, value in layer.items() if not MEASURED_LAYER.fullmatch(name)}
        for layer in document["layers"]
    ]
    return kept


def differences(left: Any, right: Any, place: str = "") -> Iterator[str]:
    """Yield the places at which two documents differ, with both values."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(left.keys() | right.keys()):
            yield from differences(left.get(name), right.get(name), f"{place}.{name}" if place else name)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif left != right:
        yield f"{place}: {left!r} against {right!r}"


def _check(check: dict[str, Any]) -> dict[str, Any]:
    kept = _without(check, MEASURED)
    if check["speed"] is not None:
        kept["speed"] = _without(check["speed"], MEASURED_SPEED)
        kept |= {name: _timeless(check[name]) for name in ("message", "hint")}
    return kept


def _timeless(text: str) -> str:
    return NUMBER.sub("#", SLOWEST.sub("Begin with #", DURATION.sub("#", text)))


def _without(part: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}
