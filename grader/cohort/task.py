"""The one place where the class wing grades a submission: from originals to a result document.

``grade`` and ``give_up`` are what `grader.cohort.running.perform` asks for. One process keeps what is the same for
many gradings: the lab, the level of the jail, the yardstick.
"""

from __future__ import annotations

import functools
from datetime import datetime, timezone
from pathlib import Path

from grader.cohort.intake.originals import lay_out
from grader.cohort.intake.work import make_work
from grader.cohort.problems import CohortError, Refusal
from grader.cohort.running.scratch import scratch_folder
from grader.cohort.running.tasks import Task
from grader.cohort.timing import HostTimes
from grader.grading import LEVEL_NAMES, Request
from grader.grading import grade as grade_once
from grader.jail import Level, probe
from grader.jail.arithmetic import chosen_arithmetic
from grader.jail.warm import WarmBoxes
from grader.language.translation import _, choose, chosen, translated
from grader.project.contract import Lab
from grader.project.kept import KeptFixture
from grader.project.manifest import FixtureError
from grader.project.places import Project
from grader.report.json_report import document, to_json
from grader.report.progress import Progress
from grader.score.document import (
    SCHEMA_ID,
    CheckResult,
    FixtureInfo,
    GradeResult,
    JailInfo,
    SubmissionInfo,
    Times,
    versions,
)
from grader.score.tiers import score_tiers
from grader.verdicts import Verdict

SHOWN_DIGITS = 12
# By how much the same work may take longer on one host at two moments; whoever misses a bound by more is too slow.
HOST_UNSTEADINESS = 2.0
# Of this process: warm, and read, for as long as it grades.
_boxes = WarmBoxes()
_fixtures = KeptFixture()


def grade(task: Task, slot: int) -> str:
    """Grade what a task names under the conditions that its run has pinned; return the document as JSON.

    Raises
    ------
    Refusal : this host or these fixtures are others than the run's.
    CohortError : the originals are gone, or cannot be graded after all.
    GraderError : as `grader.grading.grade`.
    """
    choose(task.language)
    project, lab = Project(Path(task.project)), _lab(task.project, task.conditions.lab)
    level = task.conditions.jail_level
    if level not in _levels():
        raise Refusal(
            "this host cannot hold a submission at jail level {level}, with which the run began; levels are not "
            "mixed in a run. `python -m grader doctor` says what is missing",
            level=level,
        )
    if chosen_arithmetic().name != task.conditions.arithmetic:
        raise Refusal(
            "this host computes as {here}, the run began as {then}; set GRADER_ARITHMETIC to the same everywhere",
            here=chosen_arithmetic().name,
            then=task.conditions.arithmetic,
        )
    with scratch_folder("task") as scratch:
        lay_out(Path(task.classroom) / "originals", task.files, scratch / "handed-in")
        work = make_work(lab, scratch / "handed-in", scratch / "work")
        if work.folder is None:
            raise CohortError("it cannot be graded: {problem}", problem=work.problem)
        request = Request(
            lab=lab,
            submission=work.folder,
            only=task.conditions.only,
            weights=Path(task.weights) if task.weights else None,
            level=Level(level),
            allow_weak_jail=task.allow_weak_jail,
            strict=task.conditions.strict,
            slot=slot,
            fixture=Path(task.release_folder) if task.release_folder else None,
            new_box=_boxes.box,
            read=_fixtures.read,
        )
        times = HostTimes(Path(task.classroom) / "host", task.run, lab, task.conditions.fixture_sha256)
        try:
            result = grade_once(project, request, Progress(), times.instead_of)
            if any(_close(check) for check in result.checks):
                # Nobody loses by times measured earlier: who misses the bound by little is timed beside the
                # reference.
                result = grade_once(project, request, Progress())
        except FixtureError as error:
            # Whatever is wrong with them is so for everybody: the run stops, and nobody is graded by what is left.
            raise Refusal(error.message) from None
    found = result.fixtures[0].sha256
    if found != task.conditions.fixture_sha256:
        raise Refusal(
            "the fixtures of {lab} were release {release} when the run began, and are {found} now. Put the "
            "former back, or begin anew with --fresh",
            lab=lab.name,
            release=task.conditions.release,
            found=result.fixtures[0].release,
        )
    notes = list(dict.fromkeys([*work.notes, *result.submission.notes]))
    named = result.submission.model_copy(update={"path": _name(result.submission.sha256), "notes": notes})
    return to_json(document(result.model_copy(update={"submission": named})))


def give_up(task: Task, reason: str) -> str:
    """Return the document of a grading that the grader has failed at twice: nobody is charged for it."""
    choose(task.language)
    lab = _lab(task.project, task.conditions.lab)
    message = _("The grader itself failed. This is not your fault, and nothing was scored; your teacher sees it.")
    checks = [
        CheckResult(
            id=check.id,
            tier=check.tier,
            title=translated(check.title, lab.folder),
            verdict=Verdict.GRADER,
            message=message,
        )
        for check in lab.in_order(task.conditions.only)
    ]
    titles = {tier: translated(title, lab.folder) for tier, title in lab.facts.tiers.items()}
    level = Level(task.conditions.jail_level)
    result = GradeResult(
        schema_id=SCHEMA_ID,
        lab=lab.name,
        lab_title=translated(lab.facts.title, lab.folder),
        lab_version=lab.facts.version,
        language=chosen(),
        started_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        submission=SubmissionInfo(path=_name(task.key), sha256="", notes=[reason]),
        score=None,
        max_score=max(lab.facts.tiers),
        complete=not task.conditions.only,
        checks_total=len(lab.checks),
        for_record=False,
        tiers=score_tiers(titles, checks, lab.check_tiers)[1],
        checks=checks,
        jail=JailInfo(level=int(level), name=_(LEVEL_NAMES[level])),  # type: ignore[arg-type]
        times=Times(total=0.0, student=0.0),
        fixtures=[FixtureInfo(release=task.conditions.release, hidden=True, sha256=task.conditions.fixture_sha256)],
        versions=versions(),
    )
    return to_json(document(result))


def close() -> None:
    """End the warm processes that boxes were forked from."""
    _boxes.close()


def _close(check: CheckResult) -> bool:
    """Whether a check was too slow, but not by so much that the host's own ups and downs could not explain it."""
    speed = check.speed
    return speed is not None and not speed.enough and speed.parts[0].high * HOST_UNSTEADINESS >= speed.at_least


def _name(sha256: str) -> str:
    # Nothing of a person, nor of this machine: equal work is graded once, whoever handed it in.
    return f"work-{sha256[:SHOWN_DIGITS]}"


@functools.lru_cache(maxsize=4)
def _lab(project: str, name: str) -> Lab:
    return Project(Path(project)).lab(name)


@functools.lru_cache(maxsize=1)
def _levels() -> frozenset[int]:
    return frozenset(int(level) for level in probe().levels)
