"""What a worker can say of a submission: sentences by their names. The grader looks them up here as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_VALUE_CHARACTERS = 1000
SENTENCES: Mapping[str, str] = {
    "not handed in": "{name}.py is missing",
    "optional": "{name}.py is missing; it need not be handed in",
    "not loaded": "{name}.py does not load: {type}: {text}",
    "no such name": "{name}.py has no `{name2}`",
    "none": "{name} is None: is a `return` missing?",
    "a tuple": "{name} is a tuple of {count}; return the array, and keep the rest in `self`",
    "no array": "{name} cannot be read as an array ({name2})",
    "no numbers": "{name} has dtype {dtype}, expected numbers such as float32",
    "ruled out": "{place} uses `{name}`",
    "replaced": "{name}.{function}, which the library no longer has, was replaced",
    "stand-in": "{name} is not there when this runs: what it draws has no effect, and pictures are read by OpenCV",
    "own layers": "{name} is not here: its names were answered by the submission's own layers",
    "quotients": "`/` of integers gives a float on Python 3: sizes were taken as Python 2 took them; write `//`",
    "old name": "{name}, which no longer exists, was replaced",
    "unreadable": "(the exception's own text could not be read)",
}


class Said(Exception):
    """Something to be said to a student: one of `SENTENCES` by its name, and the values in its places."""

    def __init__(self, sentence: str, /, **values: Any) -> None:
        super().__init__(SENTENCES.get(sentence, sentence).format(**values))
        self.answer = said(sentence, **values)


def said(sentence: str, /, **values: Any) -> dict[str, Any]:
    """Return what travels of a sentence: its name and its values, as texts."""
    return {"said": sentence, "values": as_texts(values)}


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as the texts that stand in a sentence."""
    return {name: str(value)[:MAX_VALUE_CHARACTERS] for name, value in values.items()}
