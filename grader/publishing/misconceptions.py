"""Wrong implementations that people really write, as small edits of a lab's reference solution.

``reference/<lab>/misconceptions.py``, or each file in a folder of that name, defines ``MISCONCEPTIONS``, a list of
`Misconception`. They are run when the lab is published, never when a submission is graded: publishing proves that
each one loses the checks that it should, and records what it returns, so that the same mistake is recognised in a
submission however that is written.
"""

from __future__ import annotations

import importlib.util
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from grader.project.fixtures import PAIR_SIGN
from grader.project.holes import body_of, fill, has_holes, holes
from grader.project.solution import MISCONCEPTIONS_NAME, MisconceptionError, solution_files, write_solution


@dataclass(frozen=True)
class Edit:
    """A replacement of one piece of text, which must occur exactly once in the file."""

    file: str
    replace: str
    with_: str


@dataclass(frozen=True)
class HoleEdit:
    """A replacement inside a hole, wherever that stands and however far it is indented.

    ``replace`` is a part of one line, or several whole lines; it must occur exactly once in the hole. Indentation
    counts only within ``with_``: its first line stands where the replaced text stood.
    """

    hole: str
    replace: str
    with_: str


@dataclass(frozen=True)
class Misconception:
    """One mistake that people really make.

    Attributes
    ----------
    name : short identifier, as in ``kernel_flipped``.
    title : the mistake in a few words, as an instructor would list it.
    holes : names of the holes in which it is made; empty when it lies in code that is given.
    loses : ids of the checks that it must fail. Checks that need one of these are lost with it.
    explanation : for the student: what is probably wrong and how to mend it; short and kind.
    formula : where the formula stands, as in ``formula (3) of the README``.
    edits : how the reference solution is changed.
    common : pairs of common ones are recorded as well, where they share a hole.
    reads_outside : the code reads outside of an array in some cases, where its numbers are therefore arbitrary;
        in such cases only shapes are compared.
    symptom : regular expression for what a check requires and this mistake does not hold (`student.require`), where
        the rest of that sentence differs between programs. An exception has to be the recorded one: its type, its
        message, and the place where it is raised.
    line : regular expression for a submission's line at which the exception of this mistake is raised. Where type
        and message are those of many mistakes, they show this one only if the line is such a one. It is among the
        lines that the edits make.
    fingerprint : name of the fingerprint that gives it away where the numbers depend on the order of operations.
    form_of : name of another misconception of which this is only another form, with other numbers, as when the same
        slip is made in a program written in another way; it is reported under that name.
    variant : name of the variant over whose files the edits are made; None for the reference itself. A mistake in
        building the network is cheaper to run over fast layers.
    """

    name: str
    title: str
    holes: tuple[str, ...]
    loses: tuple[str, ...]
    explanation: str
    edits: tuple[Edit | HoleEdit, ...]
    formula: str = ""
    common: bool = False
    reads_outside: bool = False
    symptom: str = ""
    line: str = ""
    fingerprint: str = ""
    form_of: str = ""
    variant: str | None = None

    def raising_line(self) -> str:
        """Return the line among the changed ones that ``line`` describes; empty if there is none."""
        texts = (text for edit in self.edits for text in edit.with_.splitlines())
        return next((text.strip() for text in texts if self.line and re.search(self.line, text)), "")


@dataclass(frozen=True)
class Mistaken:
    """One misconception, or two made at once, as it is run and recorded."""

    parts: tuple[Misconception, ...]
    loses: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Its name; those of a pair are joined."""
        return PAIR_SIGN.join(part.name for part in self.parts)

    @property
    def reported_name(self) -> str:
        """The name by which it is reported."""
        return PAIR_SIGN.join(part.form_of or part.name for part in self.parts)

    @property
    def is_pair(self) -> bool:
        """Whether two mistakes are made at once."""
        return len(self.parts) > 1

    @property
    def reads_outside(self) -> bool:
        """Whether some of its numbers are arbitrary."""
        return any(part.reads_outside for part in self.parts)


def load_misconceptions(reference: Path) -> list[Misconception]:
    """Return the misconceptions of the lab whose solution lies in ``reference``; none if it has no such file.

    Raises
    ------
    MisconceptionError : a file does not load, or two misconceptions have the same name.
    """
    found: list[Misconception] = []
    for file in misconception_files(reference):
        for item in _load(file):
            if any(item.name == other.name for other in found):
                raise MisconceptionError(
                    "{file}: two misconceptions are called {name}", file=file, name=repr(item.name)
                )
            found.append(item)
    return found


def misconception_files(reference: Path) -> list[Path]:
    """Return the files that define the misconceptions of a lab."""
    single = reference / f"{MISCONCEPTIONS_NAME}.py"
    return [single] if single.is_file() else sorted((reference / MISCONCEPTIONS_NAME).glob("*.py"))


def _load(file: Path) -> list[Misconception]:
    spec = importlib.util.spec_from_file_location(f"_misconceptions_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise MisconceptionError("{file}: cannot be loaded", file=file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return list(module.MISCONCEPTIONS)
    except Exception as error:
        raise MisconceptionError(
            "{file}: {name}: {error}", file=file, name=type(error).__name__, error=error
        ) from error


def mistakes_in(place: str, *loses: str, formula: str = "", **common: Any) -> Callable[..., Misconception]:
    """Return a maker of mistakes in one hole, which these checks must notice; or in one file, where code is given.

    The maker takes name, title, explanation, then edits, then whatever a `Misconception` has besides. An edit is a
    pair ``(text, other text)``, as for `HoleEdit`, or as for `Edit` if ``place`` is the name of a file; one made
    elsewhere is written out. ``common`` holds for all of the maker's mistakes, unless one says otherwise::

        forward = mistakes_in("linear_forward", "linear_forward", formula="formula (1)")
        forward("bias_forgotten", "bias not added", "The bias is missing.", (" + self.bias", ""), common=True)
    """
    in_file = place.endswith(".py")
    shared = {"holes": () if in_file else (place,), "loses": loses, "formula": formula, **common}

    def make(
        name: str, title: str, explanation: str, *edits: tuple[str, str] | Edit | HoleEdit, **more: Any
    ) -> Misconception:
        changes = tuple(
            edit if not isinstance(edit, tuple) else Edit(place, *edit) if in_file else HoleEdit(place, *edit)
            for edit in edits
        )
        return Misconception(name, title, explanation=explanation, edits=changes, **{**shared, **more})

    return make


def singles(misconceptions: Iterable[Misconception]) -> list[Mistaken]:
    """Return every misconception by itself."""
    return [Mistaken((item,), item.loses) for item in misconceptions]


def common_pairs(misconceptions: Sequence[Misconception]) -> list[Mistaken]:
    """Return the pairs of common misconceptions that can be made at once and that lose a check in common.

    Two mistakes that lose different checks are recognised one by one and need no pair.
    """
    pairs = []
    for first, second in combinations([item for item in misconceptions if item.common], 2):
        shared = tuple(name for name in first.loses if name in second.loses)
        if shared and not _overlap(first, second) and first.variant == second.variant:
            pairs.append(Mistaken((first, second), shared))
    return pairs


def _overlap(first: Misconception, second: Misconception) -> bool:
    """Whether an edit of one stands inside an edit of the other, so that they exclude each other."""
    return any(
        _place(a) == _place(b) and (_flat(a.replace) in _flat(b.replace) or _flat(b.replace) in _flat(a.replace))
        for a in first.edits
        for b in second.edits
    )


def _place(edit: Edit | HoleEdit) -> tuple[type, str]:
    return type(edit), edit.file if isinstance(edit, Edit) else edit.hole


def _flat(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def write_mistaken(reference: Path, mistaken: Mistaken, target: Path) -> None:
    """Write the files of a submission that makes this mistake.

    Raises
    ------
    MisconceptionError : the text of an edit does not occur exactly once, or there is no such hole.
    """
    write_solution(reference, mistaken.parts[0].variant, target)
    for part in mistaken.parts:
        for edit in part.edits:
            file = target / edit.file if isinstance(edit, Edit) else _file_of(target, edit.hole, part.name)
            text = file.read_text(encoding="utf-8")
            if isinstance(edit, Edit):
                count, changed = text.count(edit.replace), text.replace(edit.replace, edit.with_)
            else:
                count, changed = _changed_hole(text, edit)
            if count != 1:
                raise MisconceptionError(
                    "misconception {name}: the text to replace in {file} occurs {count} times, expected once; "
                    "adapt the edit to the reference: {replace}",
                    name=part.name,
                    file=file.name if isinstance(edit, Edit) else edit.hole,
                    count=count,
                    replace=repr(edit.replace),
                )
            file.write_text(changed, encoding="utf-8")


def _file_of(folder: Path, hole: str, name: str) -> Path:
    for file in solution_files(folder):
        source = file.read_text(encoding="utf-8")
        if has_holes(source) and any(item.name == hole for item in holes(source, file.name)):
            return file
    raise MisconceptionError(
        "misconception {name}: no file of the solution has a hole {hole}", name=name, hole=repr(hole)
    )


def _changed_hole(source: str, edit: HoleEdit) -> tuple[int, str]:
    """Return how often the text occurs in the hole, and the file with it replaced."""
    hole = next(item for item in holes(source) if item.name == edit.hole)
    body = body_of(source, hole)
    stripped = [line.strip() for line in body]
    old, new = edit.replace.strip("\n"), edit.with_.strip("\n")
    wanted = [line.strip() for line in old.splitlines()]
    if len(wanted) == 1:
        places = [number for number, line in enumerate(stripped) for _ in range(line.count(old))]
    else:
        last = len(stripped) - len(wanted) + 1
        places = [number for number in range(last) if stripped[number : number + len(wanted)] == wanted]
    if len(places) != 1:
        return len(places), source
    place = places[0]
    indentation = body[place][: len(body[place]) - len(stripped[place])]
    changed = stripped[place].replace(old, new) if len(wanted) == 1 else textwrap.dedent(new)
    lines = [f"{indentation}{line}".rstrip() for line in changed.splitlines()]
    return 1, fill(source, {edit.hole: [*body[:place], *lines, *body[place + len(wanted) :]]})
