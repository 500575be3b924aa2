"""Runs one mutant after another in boxes that stay warm, each check until its first case that fails.

What the quick checks of its hole told by values is then run on all cases, for the library of mistakes.
"""

from __future__ import annotations

import hashlib
import json
import queue
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from grader.jail.slots import claim_slot
from grader.lab.checks import Check
from grader.language.errors import GraderFailed
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, RecordedRun
from grader.project.solution import write_solution
from grader.project.writing import replace_file
from grader.publishing.mutants.making import Mutant
from grader.publishing.record_cache import RecordCache, digest_of_files
from grader.publishing.recording import RecordingError, as_run
from grader.publishing.trials import judged
from grader.run.opening import lay_out_given, open_session
from grader.run.session import Outcome, Session
from grader.verdicts import WORKER_ENDED, Verdict

FORMAT = "grader/mutant-trial/v1"
# How many times what the solution takes a call of a mutant may take, and seconds that it may take at least.
TIMES_THE_SOLUTION, AT_LEAST_S = 5.0, 5.0
TRIES = 3
# All cases of a check are run for the library if the solution takes no longer for them.
LIBRARY_S = 4.0
Returned = Mapping[str, Sequence[RecordedRun]]


class SolutionFails(GraderFailed):
    """The lab's own solution does not pass what was published: nothing can be said of mutants."""


@dataclass(frozen=True)
class Told:
    """What checks said of a mutant.

    Attributes
    ----------
    caught : checks that told it from the solution.
    tried : checks of its hole that were run, and others that told it where these did not.
    by_time : those of ``caught`` that did so only because a call took too long.
    """

    caught: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    by_time: tuple[str, ...] = ()

    @property
    def by_values(self) -> tuple[str, ...]:
        """Checks that told it by more than the time of a call."""
        return tuple(check for check in self.caught if check not in self.by_time)

    def __add__(self, other: Told) -> Told:
        return Told(self.caught + other.caught, self.tried + other.tried, self.by_time + other.by_time)


class Trial:
    """What all mutants of a lab share: boxes, recorded cases, how long the solution takes, results kept so far.

    Parameters
    ----------
    recorded : hidden cases, by check; ``public`` are public ones.
    kept : folder of results of earlier runs.
    context : all that a result depends on besides the solution's files.
    """

    def __init__(
        self,
        lab: Lab,
        reference: Path,
        recorded: Mapping[str, Sequence[RecordedCase]],
        public: Mapping[str, Sequence[RecordedCase]],
        resources: Mapping[str, Path],
        scratch: Path,
        kept: Path,
        context: str,
    ) -> None:
        self.lab, self.reference, self.resources = lab, reference, resources
        self.recorded, self.public = recorded, public
        self.scratch, self.kept, self.context = scratch, kept, context
        self._returned = RecordCache(kept / "returned", context)
        self._held = ExitStack()
        self._boxes: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._takes_s: dict[str, float] = {}
        self._usually_s: dict[str, float] = {}
        self._measuring = threading.Lock()

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def open_boxes(self, number: int) -> None:
        """Open so many boxes; each holds its processors until the end."""
        for _ in range(number):
            slot = self._held.enter_context(claim_slot(self.lab.facts.limits.threads))
            folder = self._written(None)
            self._boxes.put(self._held.enter_context(open_session(self.lab, folder, self.resources, slot=slot)))

    def run(self, mutant: Mutant) -> tuple[Told, Returned]:
        """Run it on the quick checks of its hole; what these do not notice, on others until one does.

        These are the other quick checks, then the slow ones of its hole, then the other slow ones. Exercises,
        trainings and what is timed are not run: they do not count, or judge no values.

        Returns what the checks said; and, for quick checks of its hole that it failed by values and returned
        something to in every case, what that was: in all hidden cases, then in all public ones.
        """
        folder = self._written(mutant)
        own_digest = digest_of_files(sorted(folder.rglob("*.py")))
        file = self.kept / f"{self._key(own_digest)}.json"
        quick = [check for check in self._scored() if not check.slow]
        own = [check for check in quick if mutant.hole in check.holes]
        told = _read(file)
        if told is not None:
            kept = {check.id: self._kept(own_digest, check) for check in own if check.id in told.by_values}
            if None not in kept.values():
                return told, _complete(kept)
        with self._box() as session:
            runner = _Runner(self, session, folder)
            if told is None:
                told = self._told(runner, mutant, quick, own)
                if runner.is_sure or not told.caught:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    replace_file(file, json.dumps({"format": FORMAT, **asdict(told)}).encode())
            found = runner.returned([check for check in own if check.id in told.by_values])
        for check in own:
            if found.get(check.id):
                self._returned.write(self._key_of_returned(own_digest, check), found[check.id])
        return told, _complete(found)

    def _scored(self) -> list[Check]:
        return [
            check
            for check in self.lab.checks.values()
            if check.tier is not None and check.learning is None and check.speed is None
        ]

    def _told(self, runner: _Runner, mutant: Mutant, quick: Sequence[Check], own: Sequence[Check]) -> Told:
        slow = [check for check in self._scored() if check.slow]
        told = runner.told(own)
        if not told.caught:
            # They count where they tell it; they were not asked to.
            told += _of_others(runner.told([check for check in quick if check not in own], first=True))
        if not told.caught:
            told += runner.told([check for check in slow if mutant.hole in check.holes], first=True)
        if not told.caught:
            rest = [check for check in slow if mutant.hole not in check.holes]
            told += _of_others(runner.told(rest, first=True))
        return told

    def all_cases(self, check: Check) -> list[RecordedCase]:
        """Return the hidden cases of a check, then the public ones."""
        return [*self.recorded[check.id], *self.public.get(check.id, ())]

    def _kept(self, own_digest: str, check: Check) -> list[RecordedRun] | None:
        return self._returned.read(self._key_of_returned(own_digest, check))

    def _key_of_returned(self, own_digest: str, check: Check) -> str:
        return self._returned.key(own_digest, check.id, [item.case for item in self.all_cases(check)])

    def seconds_of(self, check: Check, session: Session) -> float:
        """Return the seconds of the solution's slowest call; measured once, in the box of whoever asks first.

        Raises
        ------
        SolutionFails : it does not pass.
        """
        with self._measuring:
            if check.id not in self._takes_s:
                session.renew(self._written(None))
                outcomes = [(item, _outcome(session, check, item)) for item in self.recorded[check.id]]
                for item, outcome in outcomes:
                    if judged(item, as_run(outcome)).verdict is not Verdict.PASS:
                        raise SolutionFails(
                            "{lab}: its own solution does not pass {check}, {case}; publish it again",
                            lab=self.lab.name,
                            check=check.id,
                            case=item.case.name,
                        )
                seconds = [outcome.seconds for _, outcome in outcomes]
                self._takes_s[check.id] = max(seconds, default=0.0)
                # Without what the first call compiles.
                self._usually_s[check.id] = median(seconds) if seconds else 0.0
            return self._takes_s[check.id]

    def is_measured(self, check: Check) -> bool:
        """Whether `seconds_of` needs no box any more."""
        return check.id in self._usually_s

    def takes_long(self, check: Check) -> bool:
        """Whether all cases of a check that was measured take too long to be run for the library."""
        return self._usually_s[check.id] * len(self.all_cases(check)) > LIBRARY_S

    @contextmanager
    def _box(self) -> Iterator[Session]:
        session = self._boxes.get()
        try:
            yield session
        finally:
            session.end_worker()
            self._boxes.put(session)

    def _written(self, mutant: Mutant | None) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        write_solution(self.reference, None, folder)
        if mutant is not None:
            (folder / mutant.file).write_text(mutant.source, encoding="utf-8")
        lay_out_given(self.lab, folder)
        return folder

    def _key(self, own_digest: str) -> str:
        return hashlib.sha256("\n".join([FORMAT, self.context, own_digest]).encode()).hexdigest()


class _Runner:
    """One mutant in its box."""

    def __init__(self, trial: Trial, session: Session, folder: Path) -> None:
        self.trial, self.session, self.folder = trial, session, folder
        # Whether the box holds the mutant's files.
        self._there = False
        # Whether a check was failed by more than the end of a worker, which may have come of the host's load.
        self.is_sure = False

    def told(self, checks: Sequence[Check], *, first: bool = False) -> Told:
        """Run checks, only to the first that fails if that is enough; each to its first case that fails."""
        limited = [self._limited(check) for check in checks]
        self._renew()
        told = Told()
        for check in limited:
            verdict = self._verdict(check)
            caught = () if verdict is Verdict.PASS else (check.id,)
            self.is_sure |= verdict is not Verdict.PASS and verdict not in WORKER_ENDED
            told += Told(caught, (check.id,), caught if verdict is Verdict.TIMEOUT else ())
            if first and caught:
                break
        return told

    def returned(self, checks: Sequence[Check]) -> dict[str, list[RecordedRun]]:
        """Run checks that do not take long on all their cases, each up to the first that returns nothing."""
        limited = [self._limited(check) for check in checks]
        limited = [check for check in limited if not self.trial.takes_long(check)]
        if limited and not self._there:
            self._renew()
        found: dict[str, list[RecordedRun]] = {}
        for check in limited:
            runs = found.setdefault(check.id, [])
            for item in self.trial.all_cases(check):
                runs.append(as_run(_outcome(self.session, check, item)))
                if runs[-1].verdict is not None:
                    break
        return found

    def _renew(self) -> None:
        self.session.renew(self.folder)
        self._there = True

    def _verdict(self, check: Check) -> Verdict:
        for item in self.trial.recorded[check.id]:
            verdict = judged(item, as_run(_outcome(self.session, check, item))).verdict
            if verdict is not None and verdict is not Verdict.PASS:
                return verdict
        return Verdict.PASS

    def _limited(self, check: Check) -> Check:
        limits = self.trial.lab.facts.limits
        most_s = check.limit_s or max(limits.first_call_s, limits.call_s)
        if not self.trial.is_measured(check):
            self._there = False
        usual_s = self.trial.seconds_of(check, self.session)
        return replace(check, limit_s=min(most_s, max(AT_LEAST_S, TIMES_THE_SOLUTION * usual_s)))


def _outcome(session: Session, check: Check, item: RecordedCase) -> Outcome:
    """Run a check; what is the host's or the grader's own fault is tried again."""
    for _ in range(TRIES):
        outcome = session.run(check, item.case)
        if outcome.verdict is not Verdict.GRADER:
            return outcome
    raise RecordingError("{check} could not be run: {message}", check=check.id, message=str(outcome.message))


def _complete(found: Mapping[str, Sequence[RecordedRun] | None]) -> Returned:
    """Leave out checks of which a case returned nothing."""
    return {check: runs for check, runs in found.items() if runs and all(run.verdict is None for run in runs)}


def _of_others(told: Told) -> Told:
    return replace(told, tried=told.caught)


def _read(file: Path) -> Told | None:
    try:
        data = json.loads(file.read_bytes())
        return Told(*(tuple(data[name]) for name in ("caught", "tried", "by_time")))
    except (OSError, ValueError, KeyError):
        return None
