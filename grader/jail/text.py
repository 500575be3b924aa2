"""Makes hostile text and hostile JSON harmless before anyone looks at them."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

# Control, format (bidirectional overrides, zero width), surrogate, private use, unassigned.
DROPPED_CATEGORIES = frozenset(["Cc", "Cf", "Cs", "Co", "Cn"])
KEPT_CONTROLS = frozenset("\n\t")
MAX_STRING_CHARACTERS = 4000
MAX_DEPTH = 8
MAX_ITEMS = 4000


class HostileText(ValueError):
    """What should have been a JSON object is not one, or is beyond the caps."""


def clean_text(text: str, limit: int = MAX_STRING_CHARACTERS) -> str:
    """Return ``text`` without control, bidirectional and zero-width characters, at most ``limit`` characters long.

    Line ends of all kinds become ``\\n``; a text that is cut ends in ``…``. Escaping for a report's format is
    still to be done by the report.
    """
    # Four characters for one bound the work that a flood of dropped characters can cause.
    piece = (
        text[: 4 * limit].replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    )
    if not piece.isascii() or not piece.isprintable():
        piece = "".join(c for c in piece if c in KEPT_CONTROLS or unicodedata.category(c) not in DROPPED_CATEGORIES)
    if len(piece) > limit or len(text) > 4 * limit:
        return piece[: max(0, limit - 1)] + "…"
    return piece


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
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item, depth - 1, left) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean(item, depth - 1, left) for key, item in value.items()}
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise HostileText("a number is out of range")
    return value
