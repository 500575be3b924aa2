"""The whole story of one check for a person: what it asks, where it fails, the likely cause, the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.explain import CaseRun, Explanation, explain
from grader.explain.case_run import differences
from grader.explain.messages import command, describe_finding, describe_outcome, first_to_tell, handout
from grader.explain.network import builds_on, is_of_network
from grader.explain.picture import ErrorMap, map_of
from grader.lab.checks import Case, Check
from grader.language.translation import translated
from grader.project.contract import Lab
from grader.project.fixtures import ARCHIVE_NAME, Fixture, RecordedCase, read_fixture
from grader.project.holes import left_open
from grader.project.manifest import FixtureError
from grader.project.places import Project
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.properties import BACKWARD, FORWARD, PropertyResult, run_properties
from grader.run.property_rules import GRADIENT
from grader.run.session import Session
from grader.student.cases import check_of
from grader.verdicts import Verdict

ENDS_THE_STORY = (Verdict.UNFINISHED, Verdict.IMPORT, Verdict.FORBIDDEN, Verdict.TIMEOUT)


@dataclass(frozen=True)
class Story:
    """Everything that is told about one check.

    Attributes
    ----------
    folder : the work, as it was named.
    task : what is to be written, and where the formula stands.
    runs : all cases that were run, in order.
    seen : what was seen in the first failing case; empty if all pass.
    regenerate : command that writes the inputs of that case to a file; only for public cases.
    differences : the submission's own gradient against central differences of its forward pass.
    """

    lab: Lab
    check: Check
    kind: str
    folder: Path
    task: tuple[str, ...]
    runs: Sequence[CaseRun]
    cases_total: int
    seen: str
    explanation: Explanation
    regenerate: str = ""
    picture: ErrorMap | None = None
    differences: PropertyResult | None = None

    @property
    def passed(self) -> bool:
        """Whether there is nothing to explain."""
        return len(self.runs) == self.cases_total and all(run.passed for run in self.runs)

    @property
    def failing(self) -> CaseRun | None:
        """The first failing case."""
        return next((run for run in self.runs if not run.passed), None)


def story_of(
    project: Project,
    lab: Lab,
    check_id: str,
    submission: Path,
    progress: Progress,
    *,
    kind: str = "public",
    weights: Path | None = None,
    release: str | None = None,
) -> Story:
    """Run one check of a submission on all its cases, whatever it needs, and tell what came of it.

    ``release`` names older fixtures in the archive, so that an old result can be explained.

    Raises
    ------
    ProjectError : the lab has no such check.
    SubmissionError : the submission cannot be collected.
    FixtureError : the fixtures are missing or damaged.
    """
    check = check_of(lab, check_id)
    fixture = read_fixture(fixture_folder(project, lab, kind, weights, release), [check_id])
    recorded = fixture.checks[check_id]
    differences, failed = None, []
    progress.step(translated(check.title, lab.folder))
    with opened(project, lab, submission, progress.note, checks=[check], weights=weights) as work:
        runs = run_cases(work.session, check, recorded)
        failing = next((number for number, run in enumerate(runs) if not run.passed), None)
        if failing is not None and check.id.endswith(BACKWARD) and not check.slow:
            differences = _differences(work.session, lab, check, recorded[failing].case)
        if failing is not None and is_of_network(runs[failing]):
            failed = _failed_before(work.session, lab, check, fixture.folder)
    return _story(lab, check, fixture, submission, runs, differences, failed)


def fixture_folder(project: Project, lab: Lab, kind: str, weights: Path | None, release: str | None) -> Path:
    """Return where the fixtures of a release lie: those in use, or older ones in the archive.

    Raises
    ------
    FixtureError : there is no such release; the message lists those that are kept.
    """
    folder = project.fixtures(lab.name, kind, weights)
    if release is None or release == read_fixture(folder, ()).release:
        return folder
    kept = sorted(old.parent.name for old in (folder.parent / ARCHIVE_NAME).glob(f"*/{kind}"))
    if release not in kept:
        known = ", ".join([*kept, read_fixture(folder, ()).release])
        raise FixtureError(
            "lab {name} has no {kind} fixtures of release {release}; there are: {known}",
            name=lab.name,
            kind=kind,
            release=release,
            known=known,
        )
    return folder.parent / ARCHIVE_NAME / release / kind


def run_cases(session: Session, check: Check, recorded: Sequence[RecordedCase]) -> list[CaseRun]:
    """Run a check on its cases until one ends in a way that the others would end in too."""
    runs = []
    for item in recorded:
        outcome = session.run(check, item.case)
        runs.append(CaseRun(item, outcome, differences(item, outcome)))
        if outcome.verdict in ENDS_THE_STORY:
            break
    return runs


def _failed_before(session: Session, lab: Lab, check: Check, fixtures: Path | None) -> list[str]:
    """Return the titles of what a network's check builds on and does not pass, as `check` and `grade` know them."""
    needed = [other for other in _needed(lab, check) if builds_on(check, other)]
    if fixtures is None or not needed:
        return []
    recorded = read_fixture(fixtures, [other.id for other in needed]).checks
    return [
        translated(other.title, lab.folder)
        for other in needed
        if any(not run.passed for run in run_cases(session, other, recorded[other.id]))
    ]


def _needed(lab: Lab, check: Check) -> list[Check]:
    """Return all checks that one needs, and those that they need."""
    found: dict[str, Check] = {}
    left = [check]
    while left:
        for name in left.pop().needs:
            if name in lab.checks and name not in found:
                found[name] = lab.checks[name]
                left.append(found[name])
    return [other for other in lab.checks.values() if other.id in found]


def _differences(session: Session, lab: Lab, check: Check, case: Case) -> PropertyResult | None:
    """Compare backward with central differences of forward, both the submission's own, on the failing case."""
    forward = check.id[: -len(BACKWARD)] + FORWARD
    checks = {name: lab.checks[name] for name in (forward, check.id) if name in lab.checks}
    found = run_properties(session, checks, {forward: [case]}, (GRADIENT,))
    return found[0] if found else None


def _story(
    lab: Lab,
    check: Check,
    fixture: Fixture,
    submission: Path,
    runs: Sequence[CaseRun],
    differences: PropertyResult | None,
    failed: Sequence[str] = (),
) -> Story:
    number, failing = next(((n, run) for n, run in enumerate(runs, start=1) if not run.passed), (0, None))
    if failing is None:
        seen, explanation, picture = "", Explanation(), None
    elif failing.outcome.verdict is not None:
        outcome = failing.outcome
        seen = describe_outcome(outcome, lab.folder)  # type: ignore[arg-type]
        explanation, picture = explain(check, runs, fixture, lab.folder, failed), None
    else:
        seen = describe_finding(first_to_tell(failing.findings))
        explanation = explain(check, runs, fixture, lab.folder, failed)
        picture = map_of(failing)
    typed = command("case", lab.name, check.id, str(number), "--out", "case.npz")
    return Story(
        lab=lab,
        check=check,
        kind=fixture.kind,
        folder=submission,
        task=tuple(_task(lab, check)),
        runs=runs,
        cases_total=len(fixture.checks[check.id]),
        seen=seen,
        explanation=explanation,
        regenerate=typed if failing is not None and failing.recorded.case.arrays and not fixture.hidden else "",
        picture=picture,
        differences=differences,
    )


def _task(lab: Lab, check: Check) -> list[str]:
    """Return the instructions of the holes that the check exercises, as they stand in the skeleton."""
    lines = []
    for hole in check.holes:
        for handed in lab.facts.files:
            file = lab.folder / handed.path
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            found = next((item for item in left_open(text) if item.name == hole), None)
            if found is not None:
                instruction = translated(found.instruction, lab.folder)
                lines.append(f"{handed.path}, {hole}: {instruction} ({handout(lab)})")
    return lines
