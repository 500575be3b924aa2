"""What the reference needs, measured once on each host in a run instead of once for each submission."""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.cohort.running.slots import usable_processors
from grader.lab.checks import Check
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase
from grader.report.files import write_text
from grader.timing.baseline import Source, Trusted, Yardstick
from grader.timing.speed import MIN_ROUNDS, SpeedTrial, Timed, Timing
from grader.timing.yardstick import Seconds

# As often as one submission would have looked at the reference: before, between and after its rounds.
LOOKS = MIN_ROUNDS + 1
SIDES = ("baseline", "reference", "engine")


@dataclass(frozen=True)
class HostTimes:
    """The measured times of one run on this host, kept in files of ``folder``."""

    folder: Path
    run: int
    lab: Lab
    fixture_sha256: str

    def instead_of(self, timing: Timing) -> Timing:
        """Return a timing that looks at the reference only where nobody on this host has."""
        return _HostTiming(timing.lab, timing.facts, timing.open_reference, self._yardstick(timing.yardstick), self)

    def known(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was measured under ``name``; the first to ask measures, all others wait for it."""
        file = self.folder / f"{socket.gethostname()}-run{self.run}-{self.fixture_sha256[:12]}-{name}.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                found = measure()
                write_text(file, json.dumps(found))
        return found

    def _yardstick(self, yardstick: Yardstick) -> Yardstick:
        threads = self.lab.facts.limits.threads
        return lambda: self.known(f"yardstick-{threads}-{len(usable_processors())}", yardstick)


@dataclass(frozen=True)
class _HostTiming(Timing):
    times: HostTimes

    def trial(self, check: Check, cases: Sequence[RecordedCase], session: Timed) -> SpeedTrial:
        """Prepare the timing of one check."""
        fresh = Timing.trial(self, check, cases, session)
        return replace(fresh, trusted=_Known(fresh.trusted, self.times, check.id))


class _Known:
    """A trusted side that was measured before; see `grader.timing.baseline.Trusted`."""

    def __init__(self, fresh: Trusted, times: HostTimes, name: str) -> None:
        self._fresh = fresh
        self._times = times
        self._name = name
        self.source: Source = fresh.source
        self.slack: float = fresh.slack
        self.baseline: Seconds = {}
        self.reference: Seconds = {}
        self.engine: Seconds = {}

    def look(self) -> None:
        """Take what was measured; the first grading on this host measures, while nothing of its submission runs."""
        if not self.baseline:
            found = self._times.known(self._name, self._measured)
            self.baseline, self.reference, self.engine = (found[name] for name in SIDES)

    def _measured(self) -> dict[str, Any]:
        for _ in range(LOOKS):
            self._fresh.look()
        return {name: getattr(self._fresh, name) for name in SIDES}
