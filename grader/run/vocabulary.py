"""The words that a sentence about a hidden case may have: those that are known without the case."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from grader.inside.frames import DTYPES
from grader.run.answers import KINDS

LEFT_OUT = "…"
MAX_VALUE_CHARACTERS = 120
MAX_VALUE_PARTS = 16
MAX_DIGITS = 6
# Of libraries, besides what is built in: numpy, numba, OpenCV, struct, zlib and the like.
LIBRARIES_ERRORS = frozenset([
    "AxisError", "LinAlgError", "UFuncTypeError", "_UFuncNoLoopError", "_UFuncBinaryResolutionError",
    "_UFuncInputCastingError", "_UFuncOutputCastingError", "_ArrayMemoryError", "TypingError",
    "LoweringError", "UnsupportedError", "UnsupportedBytecodeError", "UnsupportedParforsError",
    "InternalError", "NumbaError", "RedefinedError", "VersionError", "IRError", "ConstantInferenceError",
    "NumbaTypeError", "NumbaValueError", "NumbaIndexError", "NumbaNotImplementedError", "NumbaRuntimeError",
    "error", "JSONDecodeError", "BadZipFile", "UnpicklingError", "QhullError",
])  # fmt: skip
# Of numbers only whole ones can be known: 0.5 is one word, and no 0 beside a 5.
WORD = re.compile(r"[^\W\d]\w*|\d(?:[\w.]*\w)?")
# What stands between words is not the submission's to choose either, but for the signs of shapes and lists, and
# the percent of a number that stays.
UNKNOWN_SIGN = re.compile(r"(?<!\d)%|[^\w\s.,;:()\[\]'`/*+=<>…%-]")
CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)", re.M)
IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]+)", re.M)
HOLE = re.compile(r"""raise NotImplementedError\((["'])(.*)\1\)""")
PLACE = re.compile(r"(?P<file>.+), line (?P<line>\d{1,6})")
NO_FRAME = "a thread"


@dataclass(frozen=True)
class Vocabulary:
    """What may stand in a sentence about a hidden case because it is known without it.

    Attributes
    ----------
    words : names and numbers in the lab's own files, names of its packages and of the submission's modules.
    types : names of exceptions: built in, of libraries, and those whose classes stand in the submission's files.
    holes : what the holes of the lab's skeleton raise.
    lengths : of the submission's files, in lines.
    """

    words: frozenset[str]
    types: frozenset[str]
    holes: frozenset[str]
    lengths: Mapping[str, int]

    @classmethod
    def of(cls, lab: Path, packages: Iterable[str], submission: Path) -> Vocabulary:
        """Gather it from the lab's folder and the files of a submission as they were collected."""
        sources = {
            file.relative_to(submission).as_posix(): file.read_text(encoding="utf-8", errors="replace")
            for file in submission.rglob("*.py")
        }
        own = {name for text in sources.values() for name in CLASS.findall(text)}
        imported = {word for text in sources.values() for name in IMPORT.findall(text) for word in name.split(".")}
        files = {word for name in sources for word in WORD.findall(name)}
        known, holes = _of_lab(lab)
        return cls(
            words=frozenset({*known, *packages, *files, *imported}) | _of_python(),
            types=_errors() | own,
            holes=holes,
            lengths={name: text.count("\n") + 1 for name, text in sources.items()},
        )

    def shown(self, value: str, sizes: frozenset[int]) -> str:
        """Return a value with what is not known left out; ``sizes`` are numbers that the case itself has."""
        place = PLACE.fullmatch(value)
        if value == NO_FRAME or (place and int(place["line"]) <= self.lengths.get(place["file"], 0)):
            return value
        parts = WORD.findall(value)
        if len(value) > MAX_VALUE_CHARACTERS or len(parts) > MAX_VALUE_PARTS:
            return LEFT_OUT

        def known(match: re.Match[str]) -> str:
            word = match[0]
            is_size = word.isascii() and word.isdecimal() and len(word) <= MAX_DIGITS and int(word) in sizes
            return word if is_size or word in self.words else LEFT_OUT

        return UNKNOWN_SIGN.sub(LEFT_OUT, WORD.sub(known, value))


@lru_cache(maxsize=8)
def _of_lab(lab: Path) -> tuple[frozenset[str], frozenset[str]]:
    files = (*lab.glob("*.py"), *lab.glob("lab.yaml"))
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    words = {word for text in texts for word in WORD.findall(text)}
    return frozenset(words), frozenset(found[1] for text in texts for found in HOLE.findall(text))


@lru_cache(maxsize=1)
def _of_python() -> frozenset[str]:
    kinds = (word for kind in KINDS for word in WORD.findall(kind))
    dtypes = (np.dtype(code).name for code in DTYPES)
    return frozenset({*dir(builtins), *sys.stdlib_module_names, *kinds, *dtypes, "float", "py"})


@lru_cache(maxsize=1)
def _errors() -> frozenset[str]:
    found = {name for name, value in vars(builtins).items() if isinstance(value, type)}
    return frozenset(found | LIBRARIES_ERRORS)
