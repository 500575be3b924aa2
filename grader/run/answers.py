"""From what a worker says to messages and places in the submission. All of it is hostile text.

A worker names a sentence and gives its values; the sentence itself is looked up here, in the grader's own list or
among the requirements that stand in the lab's own source. Every field may be missing or of another type.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from grader.inside.answers import MAX_VALUE_CHARACTERS, SENTENCES
from grader.lab import observing
from grader.lab.loading import EXPERIMENT_NAME
from grader.language.message import Message, Words
from grader.language.text import printable
from grader.language.translation import marked
from grader.project.contract import CHECKS_PARTS
from grader.project.one_parser import parse_source
from grader.verdicts import Verdict

MAX_FRAMES = 6
MAX_NOTES, MAX_NAMES = 8, 64
MAX_NOTE_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 2000
# How Python's faulthandler says where the code stands; a submission may print the same.
STOPPED = "Timeout ("
STOOD = re.compile(r'File "([^"\n]{1,300})", line (\d{1,7}) in (\S{1,80})')
UNNAMED_FUNCTIONS = frozenset(["<module>", "<lambda>", "<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"])
# The words that stand for a value in a place of such a name.
KIND = "kind"
KINDS = (
    *(marked("convolution"), marked("fully connected"), marked("max pooling")),
    *(marked("relu"), marked("flatten"), marked("softmax")),
)

_FROM_WORKER = {
    v.value: v
    for v in (
        Verdict.WRONG,
        Verdict.OUTPUT,
        Verdict.EXCEPTION,
        Verdict.IMPORT,
        Verdict.UNFINISHED,
        Verdict.MEMORY,
        Verdict.FLOOD,
        Verdict.FORBIDDEN,
    )
}


@dataclass(frozen=True)
class Frame:
    """One line of a traceback that lies in the submission's own files."""

    file: str
    line: int
    function: str
    code: str


class Answers:
    """Reads the answers of a submission's workers. Both folders, ``lab`` and ``submission``, are the grader's."""

    def __init__(self, lab: Path, submission: Path) -> None:
        self._lab = lab
        self._files = {file.relative_to(submission).as_posix(): file for file in submission.rglob("*.py")}

    def verdict(self, info: Mapping[str, Any]) -> Verdict:
        """Return the verdict, one of those that are a worker's to give."""
        return _FROM_WORKER.get(_text_in(info, "verdict"), Verdict.EXCEPTION)

    def error_type(self, info: Mapping[str, Any]) -> str:
        """Return the name of the class of what was raised."""
        return printable(_text_in(info, "type"), 80)

    def message(self, info: Mapping[str, Any], limit: int = MAX_MESSAGE_CHARACTERS) -> Message | str:
        """Return the sentence that was named, with its values; else the submission's own words, as a text.

        A sentence that is not on the lists, or whose values are not those of its places, is none.
        """
        template, lab = SENTENCES.get(_text_in(info, "said"), ""), None
        required = _text_in(info, "required")
        if required and not template and required in requirements(self._lab):
            template, lab = required, self._lab
        values = info.get("values")
        if template and isinstance(values, dict) and set(values) == places(template):
            texts = {name: shown_value(name, value) for name, value in values.items() if isinstance(value, str)}
            if len(texts) == len(values) and len((found := Message(template, texts, lab)).english) <= limit:
                return found
        return printable(_text_in(info, "message"), limit)

    def notes(
        self, info: Mapping[str, Any], key: str = "notes", most: int = MAX_NOTES
    ) -> tuple[Message | str, ...]:
        """Return what a person should know, or results' names: sentences of the list, or an experiment's texts."""
        found = info.get(key)
        items = found[:most] if isinstance(found, list) else []
        told = [{"message": item} if isinstance(item, str) else item for item in items]
        return tuple(self.message(item, MAX_NOTE_CHARACTERS) for item in told if isinstance(item, dict))

    def frames(self, info: Mapping[str, Any]) -> tuple[Frame, ...]:
        """Return the places of a traceback that there are, with the lines of the files as they were collected."""
        found = info.get("frames")
        frames = [self._frame(item) for item in found[:MAX_FRAMES]] if isinstance(found, list) else []
        return tuple(frame for frame in frames if frame is not None)

    def where_it_stood(self, printed: str) -> tuple[str, tuple[Frame, ...]]:
        """Return what was printed before a submission was stopped, and where it stood then, outermost first."""
        before, mark, dump = printed.rpartition(STOPPED)
        if not mark:
            return printed, ()
        found = [
            {"file": file, "line": int(line), "function": function}
            for path, line, function in STOOD.findall(dump)
            for file in self._files
            if path.endswith(f"/{file}")
        ]
        return before, self.frames({"frames": found[:MAX_FRAMES][::-1]})

    def _frame(self, item: Any) -> Frame | None:
        if not isinstance(item, dict):
            return None
        file = printable(_text_in(item, "file"), 200)
        function = printable(_text_in(item, "function"), 80)
        line = item.get("line")
        # Only of what was collected: a name that a worker makes up is never looked for on the disk.
        if file not in self._files or type(line) is not int:
            return None
        lines = self._files[file].read_text(encoding="utf-8", errors="replace").split("\n")
        if not 0 < line <= len(lines):
            return None
        defined = re.compile(rf"^\s*(?:async\s+)?(?:def|class)\s+{re.escape(function)}\b")
        known = function in UNNAMED_FUNCTIONS or any(defined.match(text) for text in lines)
        return Frame(file, line, function if known else "", printable(lines[line - 1].strip(), 200))


def place_of(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Return where an error was raised, as file and function: what the check called, and where it ended."""
    return tuple(f"{frame.file}:{frame.function}" for frame in (*frames[:1], *frames[-1:]))


def frames_at(place: Sequence[str]) -> tuple[Frame, ...]:
    """Return frames that are at a place, without their lines: the inverse of `place_of`."""
    parts = (item.partition(":") for item in place)
    return tuple(Frame(file, 0, function, "") for file, _colon, function in parts)


@lru_cache(maxsize=16)
def requirements(lab: Path) -> frozenset[str]:
    """Return the sentences of the lab in a folder: constants in ``require(…)``, and in ``note(…)``.

    Those of what labs share are among them. Values come as texts, so places with a format of their own cannot be
    filled.
    """
    calls = [
        node
        for file in (*lab.glob(CHECKS_PARTS), *lab.glob(EXPERIMENT_NAME), Path(observing.__file__))
        for node in ast.walk(parse_source(file.read_bytes()))
        if isinstance(node, ast.Call)
    ]
    # A requirement follows what must hold; a note, or the name of a result, is the sentence itself.
    first = {"require": 1, "note": 0, "named": 0}
    said = [
        call.args[first[name] :]
        for call in calls
        if (name := getattr(call.func, "attr", getattr(call.func, "id", ""))) in first
    ]
    constants = [arguments[0] for arguments in said if arguments and isinstance(arguments[0], ast.Constant)]
    return frozenset(text for constant in constants if isinstance(text := constant.value, str) and is_plain(text))


def places(template: str) -> set[str]:
    """Return the names of the values in a template."""
    return {name for _text, name, _format, _conversion in Formatter().parse(template) if name}


def is_plain(template: str) -> bool:
    """Whether all places of a template are names, without a format."""
    try:
        found = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except ValueError:
        return False
    return all((name or "").isidentifier() and not form and conversion is None for name, form, conversion in found)


def shown_value(place: str, value: str) -> Message | str:
    """Return a value, which may be hostile text, as it stands in a sentence: harmless, and translated if a kind."""
    text = printable(value, MAX_VALUE_CHARACTERS)
    return Message(text) if place.startswith(KIND) and text in KINDS else Words(text)


def _text_in(info: Mapping[str, Any], key: str) -> str:
    value = info.get(key)
    return value if isinstance(value, str) else ""
