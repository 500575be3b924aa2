"""Makes hostile JSON harmless before anyone looks at it."""

from __future__ import annotations

import json
from typing import Any

from grader.language.text import printable

MAX_STRING_CHARACTERS = 4000
MAX_DEPTH = 8
MAX_ITEMS = 4000


class HostileText(ValueError):
    """What should have been a JSON object is not one, or is beyond the caps."""


def parse_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object that hostile code wrote; all strings in it are cleaned and capped.

    Raises
    ------
    HostileText : no JSON object, too deep, too many items, or a number that is not one.
    """
    try:
        found = json.loads(text.decode("utf-8", "replace"), parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise HostileText("not a JSON text") from error
    if not isinstance(found, dict):
        raise HostileText("not a JSON object")
    cleaned: dict[str, Any] = _clean(found, MAX_DEPTH, [MAX_ITEMS])
    return cleaned


def _refuse(name: str) -> float:
    raise ValueError(name)


def _clean(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise HostileText("too many items")
    if depth == 0:
        raise HostileText("nested too deeply")
    if isinstance(value, str):
        return printable(value, MAX_STRING_CHARACTERS)
    if isinstance(value, list):
        return [_clean(item, depth - 1, left) for item in value]
    if isinstance(value, dict):
        return {printable(key, MAX_STRING_CHARACTERS): _clean(item, depth - 1, left) for key, item in value.items()}
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise HostileText("a number is out of range")
    return value
