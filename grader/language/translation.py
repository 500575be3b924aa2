"""Messages in the reader's language: gettext catalogues for the grader, and one more for the texts of each lab.

The source is written in English. A message is translated when it is shown, never while a module is imported,
because the language is chosen when a command starts: by ``--lang``, else by the locale. What is compared, recorded
or read by machines stays English. Until it is shown it is a template and its values
(`grader.language.message.Message`); a sentence with values in it is never searched for.

Only the standard library is used here, and nothing newer than Python 3.7 understands: a kit says in the student's
language, too, that its packages are missing.
"""

from __future__ import annotations

import gettext
import locale
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")
ENGLISH = LANGUAGES[0]
# What stands between two sentences.
SENTENCE_SPACE = {"en": " ", "zh": ""}
CATALOGUES = Path(__file__).parent / "locale"
DOMAIN = "grader"
LAB_DOMAIN = "lab"
# The language of this process: a setting like the locale, and like it not passed from hand to hand.
_chosen = [""]


def choose(language: str | None) -> None:
    """Set the language of all messages from now on; None takes that of the locale.

    Raises
    ------
    ValueError : there is no such language.
    """
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}; there are: {', '.join(LANGUAGES)}")
    _chosen[0] = language or language_of(os.environ)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let messages be in ``language`` for a while."""
    before = _chosen[0]
    choose(language)
    try:
        yield
    finally:
        _chosen[0] = before


def chosen() -> str:
    """Return the language of messages, ``en`` or ``zh``."""
    if not _chosen[0]:
        choose(None)
    return _chosen[0]


def language_of(environment: Mapping[str, str]) -> str:
    """Return the first language of the locale that there is a catalogue for, else English.

    As GNU gettext does, ``LANGUAGE`` counts only if the locale is not C.
    """
    set_to = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    if not set_to:
        # Windows has no such variables.
        set_to = locale.getlocale()[0] or ""
    wanted = [set_to] if _code(set_to) == "c" else [*environment.get("LANGUAGE", "").split(":"), set_to]
    return next((_code(name) for name in wanted if _code(name) in LANGUAGES), ENGLISH)


def _code(name: str) -> str:
    code = re.split(r"[_.@-]", name.strip().lower())[0]
    return {"chinese (simplified)": "zh", "chinese (traditional)": "zh", "chinese": "zh", "posix": "c"}.get(
        code, code
    )


def _(message_: str, **values: Any) -> str:
    """Return a message in the chosen language with ``values`` in place of its ``{names}``."""
    text = translated(message_)
    return text.format(**values) if values else text


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """Return the form that fits ``count``; both forms may name ``{count}`` and ``values``."""
    return _catalogue(chosen()).ngettext(one, many, count).format(count=count, **values)


def marked(message: str) -> str:
    """Return ``message`` as it is: a constant that is translated where it is used."""
    return message


def listed(items: Sequence[str]) -> str:
    """Join words as a sentence does: ``a, b and c``; in Chinese, Latin letters stand apart from the word."""
    if len(items) < 2:
        return "".join(items)
    template, first, last = _("{first} and {last}"), _(", ").join(items[:-1]), items[-1]
    if not template.isascii():
        # A path that a Chinese letter touches cannot be clicked or copied by a double click.
        first, last = first + " " * first[-1:].isascii(), " " * last[:1].isascii() + last
    return template.format(first=first, last=last)


def joined(sentences: Sequence[str]) -> str:
    """Put whole sentences one after the other."""
    return SENTENCE_SPACE[chosen()].join(sentences)


def translated(text: str, lab: Path | None = None) -> str:
    """Return a constant in the chosen language, by the catalogue of the lab in the folder ``lab`` or the grader's.

    What neither of them knows is returned as it is.
    """
    return _catalogue(chosen(), lab).gettext(text) if text else ""


@lru_cache(maxsize=None)  # noqa: UP033
def _catalogue(language: str, lab: Path | None = None) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    if lab is None:
        return gettext.translation(DOMAIN, str(CATALOGUES), [language], fallback=True)
    found = gettext.translation(LAB_DOMAIN, str(lab / "locale"), [language], fallback=True)
    found.add_fallback(_catalogue(language))
    return found
