"""A sentence before it is in a language: a template that the catalogues know, and the values in its places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.language.translation import ENGLISH, joined, listed, speaking, translated


@dataclass(frozen=True)
class Message:
    """A sentence made where it is not known yet who reads it, or in which language.

    Attributes
    ----------
    template : English, with ``{names}`` for values. Without values it stands as it is, braces included.
    values : what stands in these places: names, numbers, other messages.
    lab : folder of the lab whose catalogue knows the template; None for the grader's own.
    """

    template: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lab: Path | None = None

    def __str__(self) -> str:
        """Return the sentence in the reader's language."""
        return _filled(translated(self.template, self.lab), self.values)

    def __bool__(self) -> bool:
        return bool(self.template)

    @property
    def english(self) -> str:
        """The sentence in English: what is compared, recorded, or read by machines."""
        return _filled(self.template, {name: english(value) for name, value in self.values.items()})


@dataclass(frozen=True)
class Several:
    """Words that are listed, or ``whole`` sentences one after the other, once the language is known."""

    parts: tuple[Any, ...]
    whole: bool = False

    def __str__(self) -> str:
        """Return them in the reader's language."""
        return (joined if self.whole else listed)([str(part) for part in self.parts])

    @property
    def english(self) -> str:
        """The same in English."""
        with speaking(ENGLISH):
            return (joined if self.whole else listed)([str(english(part)) for part in self.parts])


class Words(str):
    """A value of a submission's making; reports on hidden cases leave it out (`grader.run.hidden`)."""

    __slots__ = ()


def sentence(template: str, /, **values: Any) -> Message:
    """Return a sentence of the grader with ``values`` in the ``{places}`` of ``template``, which is a constant."""
    return Message(template, values)


def english(value: Any) -> Any:
    """Return messages and errors in English, anything else as it is: a text is in its author's own words."""
    return getattr(value, "english", value)


def _filled(template: str, values: Mapping[str, Any]) -> str:
    return template.format(**values) if values else template
