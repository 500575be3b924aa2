"""Messages in the reader's language: gettext catalogues for the grader, and one more for the texts of each lab.

The source is written in English. A message is translated when it is made, never while a module is imported, because
the language is chosen when a command starts: by ``--lang``, else by the locale. What is compared, recorded or read
by machines stays English. Sentences that arrive finished (from the jail, from a fixture, from a lab) are looked
up by `translated`, whole or by their pattern.

Only the standard library is used here, and nothing newer than Python 3.7 understands: a kit says in the student's
language, too, that its packages are missing.
"""

from __future__ import annotations

import gettext
import locale
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
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
# Context of the sentences that are made where nothing is translated.
ELSEWHERE = "elsewhere"
CONTEXT_SIGN = "\x04"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Sentences are short; what is longer comes from a submission and is not worth the search.
MAX_PATTERN_CHARACTERS = 600
MO_MAGIC = 0x950412DE
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
    text = _catalogue(chosen()).gettext(message_) if message_ else ""
    return text.format(**values) if values else text


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """Return the form that fits ``count``; both forms may name ``{count}`` and ``values``."""
    return _catalogue(chosen()).ngettext(one, many, count).format(count=count, **values)


def marked(message: str) -> str:
    """Return ``message`` as it is: a constant that is translated where it is used."""
    return message


def listed(items: Sequence[str]) -> str:
    """Join words as a sentence does: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return _("{first} and {last}", first=_(", ").join(items[:-1]), last=items[-1])


def joined(sentences: Sequence[str]) -> str:
    """Put whole sentences one after the other."""
    return SENTENCE_SPACE[chosen()].join(sentences)


def translated(text: str, lab: Path | None = None) -> str:
    """Return a sentence that was made in English somewhere else in the chosen language, if it is known.

    Looked through are the catalogue of the lab in the folder ``lab`` and the grader's own. A sentence with values
    in it is found by its pattern; values may be known sentences themselves.
    """
    if chosen() == ENGLISH or not text:
        return text
    known = [_sentences(_file(CATALOGUES, DOMAIN, chosen()), ELSEWHERE)]
    if lab is not None:
        known.insert(0, _sentences(_file(lab / "locale", LAB_DOMAIN, chosen()), ""))
    for exact, _patterns in known:
        if text in exact:
            return exact[text]
    if len(text) > MAX_PATTERN_CHARACTERS:
        return text
    for _exact, patterns in known:
        for pattern, template in patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                values = {name: _value(name, value, lab) for name, value in found.groupdict().items()}
                return PLACEHOLDER.sub(_from(values), template)
    head, sign, rest = text.partition(": ")
    return f"{translated(head, lab)}{sign}{translated(rest, lab)}" if sign else text


def _value(place: str, value: str, lab: Path | None) -> str:
    """Translate a value that is words; a single one is a name, such as a file's, unless its place is for a kind."""
    return translated(value, lab) if " " in value or place.startswith("kind") else value


def _from(values: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda found: values.get(found.group(1), found.group(0))


@lru_cache(maxsize=None)  # noqa: UP033
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, str(CATALOGUES), [language], fallback=True)


def _file(folder: Path, domain: str, language: str) -> Path:
    return folder / language / "LC_MESSAGES" / f"{domain}.mo"


@lru_cache(maxsize=None)  # noqa: UP033
def _sentences(file: Path, context: str) -> tuple[Mapping[str, str], Sequence[tuple[re.Pattern[str], str]]]:
    """Return the sentences of a compiled catalogue: those without values, and the patterns of the others."""
    start = f"{context}{CONTEXT_SIGN}" if context else ""
    exact = {
        message[len(start) :]: text
        for message, text in read_catalogue(file).items()
        if message and message.startswith(start) and "\0" not in message
    }
    templates = [message for message in exact if PLACEHOLDER.search(message)]
    # What has more words of its own goes first: `{a}: {b}` fits nearly everything.
    templates.sort(key=lambda message: -len(PLACEHOLDER.sub("", message)))
    return exact, [(pattern_of(message), exact[message]) for message in templates]


def pattern_of(template: str) -> re.Pattern[str]:
    """Return what matches a template with anything in place of its ``{names}``."""
    pieces = PLACEHOLDER.split(template)
    seen = set()
    pattern = ""
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            pattern += re.escape(piece)
        elif piece in seen:
            pattern += f"(?P={piece})"
        else:
            seen.add(piece)
            pattern += f"(?P<{piece}>.+?)"
    return re.compile(pattern, re.S)


def read_catalogue(file: Path) -> Mapping[str, str]:
    """Return all messages of a compiled catalogue (``.mo``); none if there is no such file.

    ``gettext`` can look messages up, but not list them. The format is in the manual of GNU gettext, section 10.3.
    """
    try:
        data = file.read_bytes()
    except OSError:
        return {}
    if len(data) < 20 or struct.unpack("<I", data[:4])[0] != MO_MAGIC:
        return {}
    count, originals, translations = struct.unpack("<III", data[8:20])

    def strings(table: int) -> Sequence[str]:
        places = [struct.unpack_from("<II", data, table + 8 * number) for number in range(count)]
        return [data[start : start + length].decode("utf-8") for length, start in places]

    return dict(zip(strings(originals), strings(translations)))  # noqa: B905
