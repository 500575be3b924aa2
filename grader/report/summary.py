"""Facts about a result that several reports show: points of the tiers, the headline, one check in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from grader.language.text import clean, one_line
from grader.language.translation import _, joined, listed
from grader.score.document import BeyondResult, CheckResult, GradeResult, TierResult
from grader.verdicts import Verdict

TITLES_IN_A_HEADLINE = 2
MAX_OUTPUT_CHARACTERS = 1200


@dataclass(frozen=True)
class TierPoints:
    """A tier with the points it adds to the tiers below: their sum over the passed tiers is the score."""

    tier: TierResult
    points: int
    max_points: int


@dataclass(frozen=True)
class Gate:
    """A tier with its checks; ``kind`` is ``pass``, ``waiting`` for a tier below, ``failed`` or ``skipped``."""

    tier: TierResult
    checks: tuple[CheckResult, ...]
    kind: str
    word: str


def gates(result: GradeResult, slow: Collection[str] = ()) -> list[Gate]:
    """Return the tiers, lowest first; one of which no check was run is neither passed nor failed.

    ``slow`` names the checks that only ``check --all`` runs.
    """
    found = []
    below: int | None = None
    for tier in sorted(result.tiers, key=lambda tier: tier.score):
        checks = tuple(check for check in result.checks if check.tier == tier.score)
        if tier.passed:
            kind, word = "pass", _("passed")
        elif checks and not tier.lacks and tier.not_run:
            count = len(checks) + len(tier.not_run)
            kind, word = "waiting", _("{run} of {count} run", run=len(checks), count=count)
        elif checks and not tier.lacks and below is not None:
            kind, word = "waiting", _("needs {tier}", tier=below)
        elif checks:
            kind, word = "failed", _("not yet")
        else:
            with_all = result.mode == "check" and bool(tier.not_run) and set(tier.not_run) <= set(slow)
            kind, word = "skipped", _("with --all") if with_all else _("not run")
        found.append(Gate(tier, checks, kind, word))
        if not tier.passed and below is None:
            below = tier.score
    return found


def first_to_do(result: GradeResult) -> CheckResult | None:
    """Return the check to look at next: the first that went wrong in the lowest tier that is not passed.

    What is not written yet comes after what is wrong, and what was only skipped is nobody's next step.
    """
    for gate in gates(result):
        open_ = [check for check in gate.checks if not passed(check)]
        for kinds in ((Verdict.SKIPPED, Verdict.UNFINISHED, Verdict.GRADER), (Verdict.SKIPPED, Verdict.GRADER)):
            found = next((check for check in open_ if check.verdict not in kinds), None)
            if found is not None:
                return found
    return None


def tier_points(result: GradeResult) -> list[TierPoints]:
    """Return what each tier adds, lowest first: 60, 80 and 100 add 60, 20 and 20."""
    below = 0
    rows = []
    for tier in sorted(result.tiers, key=lambda tier: tier.score):
        added = tier.score - below
        rows.append(TierPoints(tier, added if tier.passed else 0, added))
        below = tier.score
    return rows


def passed(check: CheckResult) -> bool:
    """Whether the check holds."""
    return check.verdict is Verdict.PASS


def kind_of(check: CheckResult) -> str:
    """Return how a page shows a check: ``pass``, ``unfinished``, ``skipped``, and ``failed`` for all others."""
    of_itself = (Verdict.PASS, Verdict.UNFINISHED, Verdict.SKIPPED)
    return check.verdict.value if check.verdict in of_itself else "failed"


def grader_failed(result: GradeResult) -> bool:
    """Whether the grader itself failed at some check, so that the result must not count."""
    return any(check.verdict is Verdict.GRADER for check in result.checks)


def headline(result: GradeResult) -> str:
    """Return the result in one or two sentences: the score, and what the next tier lacks."""
    if grader_failed(result):
        return _("The grader itself failed, which is not the submission's fault: this result does not count.")
    held = sum(passed(check) for check in result.checks)
    if result.mode == "check":
        return _("{passed} of {count} checks pass.", passed=held, count=len(result.checks))
    if result.score is None:
        return _(
            "{count} of {total} checks were run, so there is no score; {passed} of them pass.",
            passed=held,
            count=len(result.checks),
            total=result.checks_total,
        )
    text = _("Score {score} of {max_score}.", score=result.score, max_score=result.max_score)
    titles = {check.id: check.title for check in result.checks}
    for tier in sorted(result.tiers, key=lambda tier: tier.score):
        if not tier.passed:
            lacks = [f"`{one_line(titles.get(name, name))}`" for name in tier.lacks]
            more = len(lacks) - TITLES_IN_A_HEADLINE
            named = lacks[:TITLES_IN_A_HEADLINE] + ([_("{count} more", count=more)] if more > 0 else [])
            lacking = listed(named) or _("checks that were run")
            return joined([text, _("Tier {tier} lacks {checks}.", tier=tier.score, checks=lacking)])
    return text


def standing(result: GradeResult) -> list[str]:
    """Return what a reader must know before trusting the score: a weak jail, a partial run."""
    lines = [one_line(warning) for warning in result.jail.warnings]
    if result.mode == "grade" and result.complete and not result.for_record:
        lines.append(_("not for the record: student code was isolated less than the lab demands"))
    if result.mode == "grade" and not result.complete:
        lines.append(_("only some of the checks were run: no score, and not for the record"))
    return list(dict.fromkeys(lines))


def beyond_line(result: GradeResult) -> str:
    """Say which checks hold as the course uses them and break beyond it; empty if there are none."""
    broken = [f"`{one_line(check.title)}`" for check in result.breaks_beyond]
    if not broken:
        return ""
    return _("Right as the course uses it; beyond the course this breaks: {checks}.", checks=listed(broken))


def facts_line(result: GradeResult) -> str:
    """Return how the result came about: which cases decide, the isolation, time and memory."""
    return _("; ").join((gates_line(result), jail_line(result), times_line(result)))


def gates_line(result: GradeResult) -> str:
    """Say which cases decide the tiers."""
    if result.gates == "course":
        return _("the course's cases decide")
    return _("all cases decide, those beyond the course too")


def story(check: CheckResult) -> str:
    """Return everything a student is told about one check, as plain text of several lines.

    Of a check that passed there is only what breaks beyond the course, if anything.
    """
    if not passed(check):
        return _told(check)
    if check.beyond is None or not check.breaks_beyond:
        return ""
    return "\n".join([holds_beyond(check.beyond), _told(check.beyond)])


def holds_beyond(beyond: BeyondResult) -> str:
    """Say how far a check that holds in the course holds beyond it."""
    return _(
        "Right as the course uses it; beyond the course {passed} of {count} cases hold.",
        passed=beyond.cases_passed,
        count=beyond.cases_total,
    )


def _told(check: CheckResult | BeyondResult) -> str:
    parts = [clean(check.message)]
    if check.failed_case:
        parts.append(_("Case: {case}", case=one_line(check.failed_case)))
    if check.hint:
        parts.append(_("Likely cause: {cause}", cause=clean(check.hint)))
    if check.output:
        parts.append(_("Printed:") + f"\n{clean(check.output, MAX_OUTPUT_CHARACTERS)}")
    if check.next:
        parts.append(_("Next: {what}", what=one_line(check.next)))
    return "\n".join(part for part in parts if part)


def times_line(result: GradeResult) -> str:
    """Return where the time went and how much memory was used."""
    times = result.times
    own = max(0.0, times.total - times.student)
    text = _(
        "{total} in all: {student} the submission, {own} the grader",
        total=seconds(times.total),
        student=seconds(times.student),
        own=seconds(own),
    )
    if times.setup >= 0.1:
        text += _(" ({setup} of it one-off preparation)", setup=seconds(times.setup))
    peaks = [peak for peak in (result.memory.worker_peak_mib, result.memory.grader_peak_mib) if peak is not None]
    if len(peaks) == 2:
        text += _("; peak memory {first} + {second} MiB", first=f"{peaks[0]:.0f}", second=f"{peaks[1]:.0f}")
    elif peaks:
        text += _("; peak memory {first} MiB", first=f"{peaks[0]:.0f}")
    return text


def jail_line(result: GradeResult) -> str:
    """Return the isolation that the submission ran in."""
    return _("jail level {level} ({name})", level=result.jail.level, name=one_line(result.jail.name))


def seconds(value: float) -> str:
    """Write a duration in seconds with three significant digits at most."""
    if value != value:
        return "? s"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def tier_name(tier: TierResult) -> str:
    """Return how a tier is called in lists of tests."""
    return _("Tier {tier}: {title}", tier=tier.score, title=one_line(tier.title))
