"""Makes text that came from a submission harmless, before any report's own escaping."""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"
MAX_MESSAGE_CHARACTERS = 4000
MAX_LINE_CHARACTERS = 300
# Cc control, Cf format (bidirectional overrides, zero width), Cs surrogates, Cn unassigned and noncharacters,
# Co private use (fonts draw anything there).
DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Co"})
LINE_ENDS = str.maketrans({"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"})
MAX_COMBINING_MARKS = 3
# Nothing in it is changed, but that line feeds at both ends go.
PLAIN = re.compile(r"[ -~\n]*")
# A CI runner obeys such text wherever a line of its log begins with it, and wrapping decides where lines begin.
RUNNER_COMMAND = re.compile(r"::(?=[A-Za-z])")
OLD_RUNNER_COMMAND = "##["


def clean(text: str, cap: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return :func:`printable` text that also holds no command to a CI runner, such as ``::error::``."""
    return RUNNER_COMMAND.sub(": :", printable(text, cap)).replace(OLD_RUNNER_COMMAND, "## [")


def printable(text: str, cap: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return ``text`` without control, format and invalid characters, at most ``cap`` characters long.

    Line feeds stay and tabs become four spaces; other line ends become line feeds. What stays can be written as
    UTF-8 and stands in any XML document. Marks that stack on one letter are kept up to three.
    """
    if len(text) <= cap and PLAIN.fullmatch(text):
        return text.strip("\n")  # most texts are, and pages of a class have a great many
    kept: list[str] = []
    marks = 0
    for character in text[: 4 * cap].replace("\r\n", "\n").translate(LINE_ENDS).expandtabs(4):
        if character == "\n":
            kept.append(character)
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category not in DROPPED_CATEGORIES and marks <= MAX_COMBINING_MARKS:
            kept.append(character)
    cleaned = "".join(kept)
    if len(cleaned) > cap or len(text) > 4 * cap:
        cleaned = cleaned[: max(0, cap - len(ELLIPSIS))] + ELLIPSIS
    return cleaned.strip("\n")


def one_line(text: str, cap: int = MAX_LINE_CHARACTERS) -> str:
    """Return ``text`` cleaned and on one line."""
    return " ".join(clean(text, cap).split())
