"""Recorded cases: written when a lab is published, verified by hash whenever they are read.

A fixture folder holds ``manifest.json`` (`grader.project.manifest`), one ``.npz`` per check with the inputs and the
recorded outputs of its cases, and, where wrong implementations were recorded too, a ``<check>.mistakes.npz`` with
what those returned (`grader.project.library` reads them, and adds those made by machine). The manifest carries the
hash of every file and its own, so a damaged, truncated or edited fixture is refused by name.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from grader.compare import Tolerance
from grader.lab.checks import Case
from grader.language.message import sentence
from grader.project.manifest import (
    MANIFEST_NAME,
    SCHEMA_ID,
    ArraysEntry,
    CaseEntry,
    CheckEntry,
    Facts,
    FixtureError,
    Manifest,
    MistakeEntry,
    MistakesEntry,
    OutputEntry,
    RunEntry,
    read_manifest,
)
from grader.project.one_parser import read_arrays
from grader.project.writing import replace_file, replaced_folder
from grader.verdicts import Verdict

ARCHIVE_NAME = "archive"  # folder of the fixtures of earlier releases, beside those in use
Recorded = TypeVar("Recorded")
# Joins the names of two mistakes that are made at once.
PAIR_SIGN = " + "
REMEDY = sentence("restore it from version control or publish the lab again")
MISTAKE_TEXTS = ("name", "title", "explanation", "formula", "symptom", "fingerprint")


@dataclass(frozen=True)
class RecordedCase:
    """A case with the outputs of the reference and the tolerance of each."""

    case: Case
    expected: Mapping[str, np.ndarray]
    tolerances: Mapping[str, Tolerance]


@dataclass(frozen=True)
class RecordedRun:
    """What a solution, or a known mistake, did on one case.

    ``verdict`` is None where it returned ``outputs`` that nobody has judged yet; judged, ``PASS``, or ``WRONG`` or
    ``OUTPUT`` with these outputs; otherwise how it ended, with the type and the message of the error, and the
    ``place`` where it was raised (`grader.run.answers.place_of`).
    """

    verdict: Verdict | None
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    error_type: str = ""
    message: str = ""
    place: tuple[str, ...] = ()

    @property
    def entry(self) -> RunEntry:
        """All of it but the arrays, as JSON can hold it."""
        ended = None if self.verdict is None else self.verdict.value
        return ended, list(self.outputs), self.error_type, self.message, list(self.place)

    @classmethod
    def of(cls, entry: Sequence[Any], arrays: Mapping[str, np.ndarray], prefix: str) -> RecordedRun:
        """Return the run of an `entry`, whose outputs lie in ``arrays`` under ``prefix`` and their name."""
        # Entries of earlier releases have no place.
        ended, names, error_type, message, *place = entry
        verdict = None if ended is None else Verdict(ended)
        outputs = {name: arrays[prefix + name] for name in names}
        return cls(verdict, outputs, error_type, message, tuple(place[0]) if place else ())


@dataclass(frozen=True)
class RecordedMistake:
    """A known mistake (or two at once) with what it did on every case of a check that it loses.

    The texts are those of `grader.publishing.misconceptions.Misconception`; ``runs`` has one entry for each case.
    """

    name: str
    title: str
    explanation: str
    formula: str
    runs: Sequence[RecordedRun]
    reads_outside: bool = False
    symptom: str = ""
    fingerprint: str = ""
    line: str = ""

    @property
    def is_pair(self) -> bool:
        """Whether two mistakes are made at once."""
        return PAIR_SIGN in self.name


@dataclass(frozen=True)
class Fixture:
    """All recorded cases of one lab and kind (``public`` or ``hidden``)."""

    lab: str
    lab_version: int
    kind: str
    release: str
    sha256: str
    checks: Mapping[str, Sequence[RecordedCase]]
    facts: Facts = field(default_factory=Facts)
    folder: Path | None = None
    mistake_files: Mapping[str, MistakesEntry] = field(default_factory=dict)
    mutant_files: Mapping[str, ArraysEntry] = field(default_factory=dict)

    @property
    def hidden(self) -> bool:
        """Whether students must not see it."""
        return self.kind == "hidden"


def write_fixture(
    folder: Path,
    *,
    lab: str,
    lab_version: int,
    kind: str,
    release: str,
    checks: Mapping[str, Sequence[RecordedCase]],
    facts: Facts,
    mistakes: Mapping[str, Sequence[RecordedMistake]] | None = None,
) -> str:
    """Write a fixture in one step: either all of it is there afterwards, or what was there before.

    ``mistakes`` are those that each check can recognise. Returns the manifest's hash.
    """
    with replaced_folder(folder) as fresh:
        manifest = Manifest(
            schema_id=SCHEMA_ID,
            lab=lab,
            lab_version=lab_version,
            kind=kind,
            release=release,
            facts=facts,
            checks={name: _write_check(fresh / f"{name}.npz", cases) for name, cases in checks.items()},
            mistakes={
                name: _write_mistakes(fresh / f"{name}.mistakes.npz", found)
                for name, found in (mistakes or {}).items()
                if found
            },
        ).sealed()
        (fresh / MANIFEST_NAME).write_text(manifest.as_text(), encoding="utf-8")
    return manifest.sha256


def replace_facts(folder: Path, facts: Facts) -> None:
    """Put other facts, such as times, in the place of those of the same names in a fixture that is there.

    Cases and expected values stay as they are, and so does the release.

    Raises
    ------
    FixtureError : the manifest is missing, damaged or edited.
    """
    manifest = read_manifest(folder)
    changed = manifest.model_copy(update={"facts": manifest.facts.replaced_by(facts)}).sealed()
    replace_file(folder / MANIFEST_NAME, changed.as_text().encode())


def _write_check(file: Path, cases: Sequence[RecordedCase]) -> CheckEntry:
    arrays: dict[str, np.ndarray] = {}
    described = []
    for number, recorded in enumerate(cases):
        for name, array in recorded.case.arrays.items():
            arrays[f"{number}.in.{name}"] = array
        for name, array in recorded.expected.items():
            arrays[f"{number}.out.{name}"] = array
        described.append(
            CaseEntry(
                name=recorded.case.name,
                domain=recorded.case.domain,
                config=dict(recorded.case.config),
                inputs=list(recorded.case.arrays),
                outputs=[
                    OutputEntry(name=name, atol=t.atol, rtol=t.rtol, metric=t.metric)
                    for name, t in recorded.tolerances.items()
                ],
            )
        )
    return CheckEntry(**_write_arrays(file, arrays), cases=described)


def _write_mistakes(file: Path, mistakes: Sequence[RecordedMistake]) -> MistakesEntry:
    arrays: dict[str, np.ndarray] = {}
    described = []
    for number, mistake in enumerate(mistakes):
        runs = []
        for case, run in enumerate(mistake.runs):
            for name, array in run.outputs.items():
                arrays[f"{number}.{case}.{name}"] = array
            runs.append(run.entry)
        texts = {key: getattr(mistake, key) for key in MISTAKE_TEXTS}
        if mistake.line:
            texts["line"] = mistake.line
        described.append(MistakeEntry(**texts, reads_outside=mistake.reads_outside, runs=runs))
    return MistakesEntry(**_write_arrays(file, arrays), mistakes=described)


def _write_arrays(file: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write arrays; of equal ones only the first. Returns what an `ArraysEntry` says of them."""
    first: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    same = {}
    for name, array in arrays.items():
        content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
        original = first.setdefault((array.dtype.str, array.shape, content), name)
        if original != name:
            same[name] = original
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: a for name, a in arrays.items() if name not in same})  # type: ignore[arg-type]
    data = buffer.getvalue()
    file.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    found = {"file": file.name, "sha256": digest}
    return {**found, "same": same} if same else found


def read_fixture(folder: Path, only: Sequence[str] | None = None) -> Fixture:
    """Read a fixture and verify the hash of everything that is read.

    Raises
    ------
    FixtureError : the folder, the manifest or one of the files is missing, damaged or edited, or ``only`` names a
        check that was not published.
    """
    manifest = read_manifest(folder)
    absent = [name for name in only or () if name not in manifest.checks]
    if absent:
        raise FixtureError(
            "{value} has no cases of {absent}: the checks were changed since the lab was published; publish "
            "it again with `python -m grader publish {manifest}`",
            value=folder / MANIFEST_NAME,
            absent=", ".join(absent),
            manifest=manifest.lab,
        )
    checks = {
        name: read_recorded(folder / part.file, part, partial(_cases, part))
        for name, part in manifest.checks.items()
        if only is None or name in only
    }
    return Fixture(
        lab=manifest.lab,
        lab_version=manifest.lab_version,
        kind=manifest.kind,
        release=manifest.release,
        sha256=manifest.sha256,
        checks=checks,
        facts=manifest.facts,
        folder=folder,
        mistake_files=manifest.mistakes,
        mutant_files=manifest.mutants,
    )


def read_recorded(
    file: Path, part: ArraysEntry, made: Callable[[Mapping[str, np.ndarray]], list[Recorded]]
) -> list[Recorded]:
    """Return what ``made`` makes of the arrays of a file that the manifest pins.

    Raises
    ------
    FixtureError : the file is missing, damaged or edited, or does not hold what its manifest says.
    """
    arrays = _read_part(file, part)
    try:
        return made(arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> FixtureError:
    return FixtureError(
        "{file} does not hold what its manifest says ({error}); {REMEDY}", file=file, error=error, REMEDY=REMEDY
    )


def _read_part(file: Path, part: ArraysEntry) -> dict[str, np.ndarray]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FixtureError(
            "{file} cannot be read ({strerror}); {REMEDY}", file=file, strerror=error.strerror, REMEDY=REMEDY
        ) from None
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise FixtureError(
            "{file} is damaged or was edited (its hash does not match the manifest); {REMEDY}",
            file=file,
            REMEDY=REMEDY,
        )
    try:
        arrays = read_arrays(data)
        return arrays | {name: arrays[original] for name, original in part.same.items()}
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(file, error) from None


def _cases(part: CheckEntry, arrays: Mapping[str, np.ndarray]) -> list[RecordedCase]:
    return [_recorded(number, entry, arrays) for number, entry in enumerate(part.cases)]


def _recorded(number: int, entry: CaseEntry, arrays: Mapping[str, np.ndarray]) -> RecordedCase:
    inputs = {name: arrays[f"{number}.in.{name}"] for name in entry.inputs}
    outputs = {item.name: arrays[f"{number}.out.{item.name}"] for item in entry.outputs}
    tolerances = {item.name: Tolerance(item.atol, item.rtol, item.metric) for item in entry.outputs}
    return RecordedCase(Case(entry.name, entry.config, inputs, entry.domain), outputs, tolerances)
