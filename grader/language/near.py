"""Guesses which name was meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from grader.language.message import Message, sentence

LEAST_ALIKE = 0.6


def did_you_mean(word: str, known: Iterable[str]) -> Message | str:
    """Return a sentence, to stand behind another, with the name most like ``word``; nothing if none is."""
    near = difflib.get_close_matches(word.lower(), list(known), 1, LEAST_ALIKE)
    return sentence("; did you mean {name}?", name=near[0]) if near else ""
