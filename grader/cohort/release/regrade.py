"""A regrade is looked at before it counts: who moves, which verdicts change, who crosses a tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Session, aliased

from grader.cohort.problems import CohortError, Refusal
from grader.cohort.store import events
from grader.cohort.store.queries import DONE, FAILED, ROWS_AT_ONCE, current_gradings
from grader.cohort.store.tables import Assignment, CheckRow, Grading, Run, Submission
from grader.cohort.store.types import now
from grader.language.translation import _, marked

TIERS = (60, 80, 100)
# What a run was made with, and what that is called.
MADE_WITH = {
    "release": marked("fixtures"),
    "lab_sha256": marked("lab's files"),
    "grader_version": marked("grader"),
    "jail_level": marked("jail level"),
    "host": marked("host"),
}
SHOWN_CHARACTERS = 32
REJECTED = "rejected"
PASS = "pass"


@dataclass(frozen=True)
class Move:
    """One attempt whose score would change."""

    submission_id: int
    before: float | None
    after: float | None

    @property
    def lower(self) -> bool:
        """Whether the student would lose points; a grade that the grader can no longer give is one, too."""
        return self.before is not None and (self.after is None or self.after < self.before)


@dataclass
class Comparison:
    """What applying a run would do.

    Attributes
    ----------
    moves : attempts with another score, those that lose first.
    same, new : attempts that keep their score, and that had none.
    verdicts : (check, before, after) and how often; what passed before and does not now first.
    crossings : tier to how many reach it only now, and how many no longer.
    differences : what the run was made with that earlier ones were not.
    unsteady : attempts with other verdicts under the same key: the submission is random, or the host is.
    """

    moves: list[Move] = field(default_factory=list)
    same: int = 0
    new: int = 0
    verdicts: list[tuple[str, str, str, int]] = field(default_factory=list)
    crossings: dict[int, tuple[int, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    unsteady: list[int] = field(default_factory=list)


def run_of(session: Session, number: int) -> Run:
    """Return a run by its number.

    Raises
    ------
    CohortError : there is none.
    """
    run = session.get(Run, number)
    if run is None:
        raise CohortError("there is no run {number}; `python -m grader class runs LAB` lists them", number=number)
    return run


def newest_run(session: Session, assignment: Assignment, kind: str) -> Run:
    """Return the newest run of a kind.

    Raises
    ------
    CohortError : there is none.
    """
    run = session.scalar(
        select(Run).where(Run.assignment_id == assignment.id, Run.kind == kind).order_by(Run.id.desc()).limit(1)
    )
    if run is None:
        raise CohortError("{lab} has no run of kind {kind}", lab=assignment.lab, kind=kind)
    return run


def runs_of(session: Session, assignment: Assignment) -> list[tuple[Run, int]]:
    """Return all runs of a lab with the number of their gradings."""
    rows = session.execute(
        select(Run, func.count(Grading.id))
        .outerjoin(Grading, Grading.run_id == Run.id)
        .where(Run.assignment_id == assignment.id)
        .group_by(Run.id)
        .order_by(Run.id)
    )
    return [(run, count) for run, count in rows]


def compare(session: Session, run: Run) -> Comparison:
    """Return what applying ``run`` would change.

    Raises
    ------
    Refusal : one of the two is half-graded.
    """
    fresh = session.scalars(
        select(Grading).where(Grading.run_id == run.id, Grading.status.in_((DONE, FAILED)))
    ).all()
    current = current_gradings(session, run.assignment_id)
    found = Comparison()
    pairs: list[tuple[Grading, Grading]] = []
    gained, lost = dict.fromkeys(TIERS, 0), dict.fromkeys(TIERS, 0)
    for grading in fresh:
        before = current.get(grading.submission_id)
        if before is None or before.id == grading.id:
            found.new += before is None
            continue
        if before.complete != grading.complete:
            raise Refusal(
                "run {run} and what counts now were not made with the same checks (attempt {submission_id}); a "
                "part of the checks says nothing about the score",
                run=run.id,
                submission_id=grading.submission_id,
            )
        pairs.append((before, grading))
        if before.score == grading.score:
            found.same += 1
            continue
        found.moves.append(Move(grading.submission_id, before.score, grading.score))
        for tier in TIERS:
            gained[tier] += (before.score or 0) < tier <= (grading.score or 0)
            lost[tier] += (grading.score or 0) < tier <= (before.score or 0)
    found.moves.sort(key=lambda move: (not move.lower, (move.after or 0) - (move.before or 0), move.submission_id))
    found.crossings = {tier: (gained[tier], lost[tier]) for tier in TIERS if gained[tier] or lost[tier]}
    found.verdicts, changed = _verdicts(session, pairs)
    found.unsteady = sorted(
        grading.submission_id for before, grading in pairs if before.key == grading.key and grading.id in changed
    )
    found.differences = _differences(session, run, {before.run_id for before, _after in pairs})
    return found


def apply(session: Session, run: Run, *, lower: bool = False) -> tuple[int, int]:
    """Let a run count; return how many scores change, and how many lower ones are held back for a person.

    Raises
    ------
    Refusal : it is unfinished, counts already, or ran only a part of the checks.
    """
    if run.applied_at is not None:
        raise Refusal(
            "run {run} counts already, since {applied_at} UTC",
            run=run.id,
            applied_at=f"{run.applied_at:%Y-%m-%d %H:%M}",
        )
    if run.finished_at is None:
        raise Refusal("run {run} is unfinished; give its command again first", run=run.id)
    if run.options["conditions"]["only"]:
        raise Refusal("run {run} ran only a part of the checks, which is no score; run all of them", run=run.id)
    found = compare(session, run)
    held = [move.submission_id for move in found.moves if move.lower and not lower]
    for grading in session.scalars(select(Grading).where(Grading.run_id == run.id)):
        grading.held = grading.submission_id in held
    run.applied_at = now()
    after = {"moves": len(found.moves), "held": len(held)}
    events.record(session, "run applied", f"run {run.id}", after=after)
    return len(found.moves), len(held)


def held_back(session: Session, assignment_id: int) -> list[tuple[Grading, float | None]]:
    """Return the lower scores that wait for a person, with what counts instead."""
    rows = session.scalars(
        select(Grading)
        .join(Submission, Submission.id == Grading.submission_id)
        .where(Submission.assignment_id == assignment_id, Grading.held, Grading.status.in_((DONE, FAILED)))
        .order_by(Grading.id)
    ).all()
    current = current_gradings(session, assignment_id)
    return [(row, current[row.submission_id].score if row.submission_id in current else None) for row in rows]


def decide(session: Session, assignment_id: int, submission_id: int, *, accept: bool, reason: str) -> None:
    """Let a lower score count after all, or put it aside.

    Raises
    ------
    CohortError : none is held back for this attempt.
    """
    held = [
        grading for grading, _now in held_back(session, assignment_id) if grading.submission_id == submission_id
    ]
    if not held:
        raise CohortError("no lower score of attempt {submission_id} is held back", submission_id=submission_id)
    for grading in held:
        grading.held = False
        if not accept:
            grading.status = REJECTED
    action = "lower score accepted" if accept else "lower score rejected"
    events.record(session, action, f"attempt {submission_id}", after={"reason": reason})


def _verdicts(
    session: Session, pairs: Sequence[tuple[Grading, Grading]]
) -> tuple[list[tuple[str, str, str, int]], set[int]]:
    """Return how often each check changed from one verdict to another, and the gradings in which one did."""
    table = Table(
        "compared_gradings",
        MetaData(),
        Column("before_id", Integer),
        Column("after_id", Integer, primary_key=True),
        prefixes=["TEMPORARY"],
    )
    connection = session.connection()
    table.create(connection)
    try:
        rows = [{"before_id": before.id, "after_id": after.id} for before, after in pairs]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            connection.execute(insert(table), rows[start : start + ROWS_AT_ONCE])
        before, after = aliased(CheckRow), aliased(CheckRow)
        joined = (
            select(before.check_id, before.verdict, after.verdict, table.c.after_id)
            .select_from(table)
            .join(before, before.grading_id == table.c.before_id)
            .join(after, (after.grading_id == table.c.after_id) & (after.check_id == before.check_id))
            .where(before.verdict != after.verdict)
            .subquery()
        )
        check, was, is_, grading = joined.c
        counted = session.execute(select(check, was, is_, func.count()).group_by(check, was, is_)).all()
        changed = set(session.scalars(select(grading).distinct()))
    finally:
        table.drop(connection)
    found = [(str(name), str(old), str(new), int(count)) for name, old, new, count in counted]
    found.sort(key=lambda one: (one[1] != PASS, one[2] != PASS, -one[3], one[0]))
    return found, changed


def _differences(session: Session, run: Run, others: set[int]) -> list[str]:
    found = []
    for other in session.scalars(select(Run).where(Run.id.in_(others)).order_by(Run.id)):
        for name, label in MADE_WITH.items():
            was, is_ = (str(getattr(one, name))[:SHOWN_CHARACTERS] for one in (other, run))
            if was != is_:
                found.append(_("run {run}: {what} {was}, now {now}", run=other.id, what=_(label), was=was, now=is_))
    return found
