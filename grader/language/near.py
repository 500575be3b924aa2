"""Guesses which name was meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath

from grader.language.message import Message, sentence

LEAST_ALIKE = 0.6


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name most like ``word``; None if none is like it. An ending that both have makes nothing alike."""
    ending = PurePath(word).suffix
    names = {name.removesuffix(ending): name for name in known}
    found = difflib.get_close_matches(word.removesuffix(ending), list(names), 1, LEAST_ALIKE)
    return names[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> Message | str:
    """Return a sentence, to stand behind another, with the name most like ``word``; nothing if none is."""
    near = nearest(word.lower(), known)
    return sentence("; did you mean {name}?", name=near) if near is not None else ""


def meant_or_known(word: str, known: Iterable[str]) -> Message:
    """Return a sentence, to stand behind another, with the name most like ``word``; all of them if none is."""
    names = list(known)
    return did_you_mean(word, names) or sentence("; it has: {known}", known=", ".join(names))  # type: ignore[return-value]
