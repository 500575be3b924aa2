"""Sentences in the database: a template and its values, so that each reader has them in their own language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.language.errors import GraderError
from grader.language.message import Message, Several

TEMPLATE, VALUES = "template", "values"
PARTS, WHOLE = "parts", "whole"


def kept(message: Message) -> dict[str, Any]:
    """Return a sentence of the grader as it is kept in a column of JSON; nothing of an empty one."""
    return {TEMPLATE: message.template, VALUES: _plain(dict(message.values))} if message else {}


def _plain(value: Any) -> Any:
    if isinstance(value, GraderError):
        return kept(value.message)
    if isinstance(value, Message):
        return kept(value)
    if isinstance(value, Several):
        return {PARTS: [_plain(part) for part in value.parts], WHOLE: value.whole}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if isinstance(value, (int, float)) else str(value)


def told(finished: str, record: Mapping[str, Any]) -> str:
    """Return a kept sentence in the reader's language; what an earlier grader has ``finished`` stays as it is."""
    return str(_spoken(record)) if record else finished


def _spoken(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if PARTS in value:
        return Several(tuple(_spoken(part) for part in value[PARTS]), bool(value[WHOLE]))
    return Message(value[TEMPLATE], {name: _spoken(one) for name, one in value[VALUES].items()})
