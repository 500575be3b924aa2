"""Names of people as platforms change them, brought into one form to compare."""

from __future__ import annotations

import itertools
import re
import unicodedata


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
