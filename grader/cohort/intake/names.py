"""Names of people and files as platforms change them, brought into one form to compare."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

# What programs add to the name of a second copy: "conv (1).py", "conv-1.py", "conv - Copy.py", "conv_副本.py".
COPY_MARK = re.compile(
    r"(?: ?\(\d+\)|-\d+| ?- ?copy(?: ?\(\d+\))?|[ _-]?副本(?: ?\(\d+\))?|_copy)+$", re.IGNORECASE
)


def plain_name(name: str) -> str:
    """Return a name without case, accents, blanks and signs."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


def forms_of(name: str) -> set[str]:
    """Return the plain forms of a full name in each order of its words; platforms put the last name first."""
    words = [plain_name(word) for word in re.split(r"[\s,;_]+", name) if plain_name(word)]
    if len(words) > 4:
        return {"".join(words)}
    return {"".join(order) for order in itertools.permutations(words)}


def original_name(name: str) -> str:
    """Return a file's name without the mark of a second copy."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        return COPY_MARK.sub("", name)
    return f"{COPY_MARK.sub('', stem)}.{suffix}"


def stand_ins(required: Sequence[str], present: Sequence[str]) -> dict[str, str]:
    """Return which files stand for required ones that are missing: ``{name there: required name}``.

    Only where exactly one file beside stands for it; a wrong name beyond that is for a person to decide.
    """
    found = {}
    for wanted in required:
        if wanted in present:
            continue
        near = [name for name in present if name not in required and original_name(name) == wanted]
        if len(near) == 1:
            found[near[0]] = wanted
    return found
