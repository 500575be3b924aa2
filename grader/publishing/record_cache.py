"""Keeps what solutions returned when a lab was published, so that publishing again runs only what has changed.

An entry is addressed by the hash of everything that it depends on: the solution's files, the check's code and its
cases, the parameters, the versions of the libraries. Entries are never wrong, only no longer asked for; the folder
can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.lab.checks import Case
from grader.project.fixtures import RecordedRun
from grader.project.one_parser import read_arrays
from grader.project.writing import replace_file
from grader.verdicts import WORKER_ENDED, Verdict

FORMAT = "grader/record/v1"
# Of what raised, the place is needed as well; older entries lack it.
LENGTH_WITH_PLACE = 5
# How a run ended may depend on the machine's load for these; they are run again each time.
NOT_KEPT = (*WORKER_ENDED, Verdict.GRADER)


def digest_of_files(files: Iterable[Path]) -> str:
    """Return a hash over the names and contents of files; those of one name count in the order given."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        content = file.read_bytes()
        digest.update(f"{file.name}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def digest_of_cases(cases: Sequence[Case]) -> str:
    """Return a hash over the settings and arrays of cases."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(json.dumps([case.name, dict(case.config)], sort_keys=True).encode())
        for name, array in case.arrays.items():
            digest.update(f"{name}:{array.dtype.str}:{array.shape}:".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RecordCache:
    """A folder of entries; ``context`` is hashed into every key."""

    folder: Path
    context: str

    def key(self, solution: str, check: str, cases: Sequence[Case]) -> str:
        """Return the address of what a solution (by its hash) returns in a check for these cases."""
        parts = [FORMAT, self.context, solution, check, digest_of_cases(cases)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def read(self, key: str) -> list[RecordedRun] | None:
        """Return an entry, None if there is none that can be read."""
        file = self._file(key)
        try:
            stored = read_arrays(file.read_bytes())
            entries = json.loads(str(stored["entries"]))
            if any(entry[0] is not None and len(entry) < LENGTH_WITH_PLACE for entry in entries):
                return None
            return [RecordedRun.of(entry, stored, f"{number}.") for number, entry in enumerate(entries)]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, key: str, runs: Sequence[RecordedRun]) -> None:
        """Keep an entry, unless how a run ended may be different next time."""
        if any(run.verdict in NOT_KEPT for run in runs):
            return
        arrays: dict[str, np.ndarray] = {
            f"{number}.{name}": array for number, run in enumerate(runs) for name, array in run.outputs.items()
        }
        entries = [run.entry for run in runs]
        buffer = io.BytesIO()
        np.savez(buffer, entries=np.array(json.dumps(entries)), **arrays)  # type: ignore[arg-type]
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, buffer.getvalue())

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.npz"
