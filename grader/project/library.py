"""What wrong implementations returned: files beside the recorded cases, pinned in the manifest.

Known mistakes are written with the cases (`grader.project.fixtures`) and read here; those made by machine are added
afterwards. A file ``<check>.mutants.npz`` holds arrays and, as text, of which mutants and cases they are. It is
read only when a check has failed; the manifest has no more of it than its name and its hash. Publishing again makes
a new folder without such files.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.project.fixtures import (
    MISTAKE_TEXTS,
    Fixture,
    RecordedMistake,
    RecordedRun,
    read_recorded,
)
from grader.project.manifest import MANIFEST_NAME, ArraysEntry, MistakeEntry, read_manifest
from grader.project.writing import replaced_folder

SUFFIX = ".mutants.npz"
DESCRIBED = "described"


@dataclass(frozen=True)
class Change:
    """A change that was made in one hole, in the words of the rule that made it."""

    hole: str
    words: str


@dataclass(frozen=True)
class RecordedMutant:
    """What the solution with one change did on every case of a check: ``PASS``, or ``WRONG`` with its outputs.

    ``changes`` are all of those that were tried and returned the same.
    """

    changes: Sequence[Change]
    runs: Sequence[RecordedRun]


def mistake_texts(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the fixture in ``folder`` says of each known mistake, by name: title, explanation, formula.

    Nothing is read but the manifest; empty if there is none.

    Raises
    ------
    FixtureError : the manifest is damaged or edited.
    """
    if not (folder / MANIFEST_NAME).is_file():
        return {}
    return {
        entry.name: {key: getattr(entry, key) for key in MISTAKE_TEXTS}
        for part in read_manifest(folder).mistakes.values()
        for entry in part.mistakes
    }


def read_mistakes(fixture: Fixture, check: str) -> list[RecordedMistake]:
    """Read what known mistakes return in ``check``; none if none were recorded. Only needed when a check failed.

    Raises
    ------
    FixtureError : the file is missing, damaged or edited.
    """
    part = fixture.mistake_files.get(check)
    if part is None or fixture.folder is None:
        return []
    return read_recorded(
        fixture.folder / part.file,
        part,
        lambda arrays: [_mistake(number, entry, arrays) for number, entry in enumerate(part.mistakes)],
    )


def _mistake(number: int, entry: MistakeEntry, arrays: Mapping[str, np.ndarray]) -> RecordedMistake:
    runs = [RecordedRun.of(run, arrays, f"{number}.{case}.") for case, run in enumerate(entry.runs)]
    texts = {key: getattr(entry, key) for key in MISTAKE_TEXTS}
    return RecordedMistake(runs=runs, reads_outside=entry.reads_outside, line=entry.line, **texts)


def write_mutants(folder: Path, found: Mapping[str, Sequence[RecordedMutant]]) -> None:
    """Put these mutants, by check, in the place of those that a fixture has; cases and release stay as they are.

    Raises
    ------
    FixtureError : the manifest is missing, damaged or edited.
    """
    manifest = read_manifest(folder)
    with replaced_folder(folder) as fresh:
        for file in folder.iterdir():
            if not file.name.endswith(SUFFIX) and file.name != MANIFEST_NAME:
                shutil.copy2(file, fresh / file.name)
        entries = {}
        for check, mutants in found.items():
            data = packed(mutants)
            file = fresh / f"{check}{SUFFIX}"
            file.write_bytes(data)
            entries[check] = ArraysEntry(file=file.name, sha256=hashlib.sha256(data).hexdigest())
        changed = manifest.model_copy(update={"mutants": entries}).sealed()
        (fresh / MANIFEST_NAME).write_text(changed.as_text(), encoding="utf-8")


def packed(mutants: Sequence[RecordedMutant]) -> bytes:
    """Return the content of a file; of equal arrays it holds one."""
    arrays: dict[str, np.ndarray] = {}
    names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    described = []
    for mutant in mutants:
        runs = []
        for run in mutant.runs:
            outputs = {}
            for output, array in run.outputs.items():
                name = names.setdefault(content_of(array), str(len(names)))
                arrays[name] = array
                outputs[output] = name
            runs.append([None if run.verdict is None else run.verdict.value, outputs])
        described.append({"changes": [[change.hole, change.words] for change in mutant.changes], "runs": runs})
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(described).encode(), np.uint8)
    np.savez_compressed(buffer, **{DESCRIBED: text}, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def content_of(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    """Return what two arrays have in common if and only if they are equal, by a hash."""
    return array.dtype.str, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()


def read_mutants(fixture: Fixture, check: str) -> list[RecordedMutant]:
    """Read what mutants return in ``check``; none if none were recorded. Only needed when a check failed.

    Raises
    ------
    FixtureError : the file is missing, damaged or edited.
    """
    part = fixture.mutant_files.get(check)
    if part is None or fixture.folder is None:
        return []
    return read_recorded(fixture.folder / part.file, part, _mutants)


def _mutants(arrays: Mapping[str, np.ndarray]) -> list[RecordedMutant]:
    return [
        RecordedMutant(
            [Change(hole, words) for hole, words in item["changes"]],
            [
                RecordedRun.of((verdict, list(outputs), "", ""), {o: arrays[n] for o, n in outputs.items()}, "")
                for verdict, outputs in item["runs"]
            ],
        )
        for item in json.loads(arrays[DESCRIBED].tobytes())
    ]
