"""Serves requests for a lab's experiment inside a worker, one record at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grader.inside import runner
from grader.inside.runner import describe
from grader.inside.submission import Emit, Submission
from grader.lab.checks import Case
from grader.lab.experiments import STATE, Named, Record, part_of, record_outputs, snapshot_outputs
from grader.lab.loading import EXPERIMENT_NAME, load_run

__all__ = ["Experiment", "Runner", "describe", "load_run"]


class Runner(runner.Runner):
    """Serves ``start`` on a loaded case, then ``advance`` and ``snapshot`` as often as they are asked for."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.experiment = Experiment(self.lab_folder)

    def handle(self, head: dict[str, Any], arrays: dict[str, np.ndarray], emit: Emit) -> dict[str, Any]:
        """Do one request; ``load`` keeps a case for ``start``."""
        operation = head["op"]
        if operation == "start":
            answer = self._run(self.experiment.start, emit)
        elif operation in ("advance", "snapshot"):
            self.case = Case(operation)
            answer = self._run(lambda *_: getattr(self.experiment, operation)(), emit)
        else:
            return super().handle(head, arrays, emit)
        answer["notes"] += self.experiment.notes
        answer["names"] = self.experiment.names
        return answer


class Experiment:
    """The generator of a lab's ``experiment.py`` and the record at which it stands."""

    def __init__(self, lab_folder: Path) -> None:
        self.file = lab_folder / EXPERIMENT_NAME
        self.records: Iterator[Record] | None = None
        self.record: Record | None = None
        self.notes: list[Any] = []
        self.names: list[Any] = []

    def start(self, submission: Submission, case: Case) -> dict[str, Any]:
        """Start on the options, and the state if there is one, of ``case``; return the first record."""
        state = part_of(case.arrays, STATE)
        given = {name: value for name, value in case.arrays.items() if not name.startswith(STATE)}
        self.records = iter(load_run(self.file)(submission, Case(case.name, case.config, given), state))
        return self.advance()

    def advance(self) -> dict[str, Any]:
        """Go on to the next record and return it; the last one again, as finished, when there is no other."""
        if self.records is None:
            raise RuntimeError("the experiment was not started")
        found = next(self.records, None)
        self.record = found or self.record
        if self.record is None:
            raise RuntimeError(f"{self.file.name}: run() gave no record")
        self.notes = [note if isinstance(note, dict) else str(note) for note in self.record.notes]
        return record_outputs(self.record, finished=found is None or found.step >= found.total)

    def snapshot(self) -> dict[str, Any]:
        """Return the snapshot of the record at which it stands."""
        if self.record is None:
            raise RuntimeError("there is no record to keep")
        snapshot = self.record.snapshot()
        self.names = [name.told for name in snapshot.numbers if isinstance(name, Named)]
        return snapshot_outputs(snapshot)
