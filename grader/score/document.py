"""The result document, version 2: what one grading found. Every report is a view of it.

The models are the schema: ``python -m grader schema`` prints it as JSON Schema, ``docs/result.md`` explains it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from grader import __version__
from grader.verdicts import Verdict

SCHEMA_ID: Final = "grader/result/v2"
EARLIER_ID: Final = "grader/result/v1"


class Part(BaseModel):
    """Base of all parts: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FileInfo(Part):
    """One collected file of the submission."""

    path: str
    sha256: str
    bytes: int


class SubmissionInfo(Part):
    """What was graded. ``sha256`` covers names and contents of all collected files."""

    path: str
    sha256: str
    files: list[FileInfo] = []
    notes: list[str] = Field([], description="what was left out or changed outside the holes, for a person")


class TierResult(Part):
    """A tier is passed when all its checks were run and hold, and all tiers below are passed.

    ``lacks`` names those of its checks that do not hold, ``not_run`` those that were not run at all.
    """

    score: int
    title: str
    passed: bool
    lacks: list[str] = []
    not_run: list[str] = []


class SpeedPart(Part):
    """One part of a timed check, such as the forward pass. Medians in seconds; None where it was not measured."""

    name: str
    submission_s: float = Field(description="the submission's version that is timed")
    baseline_s: float = Field(description="the reference's version that it is compared with, such as its loops")
    reference_s: float | None = Field(None, description="the reference's version of what is timed")
    engine_s: float | None = Field(None, description="the instructor's engine, carried over from publishing")
    own_baseline_s: float | None = Field(None, description="the submission's version of the baseline")
    ratio: float = Field(description="baseline_s / submission_s: how many times as fast as the baseline")
    low: float = Field(description="lower end of the ratio's confidence interval")
    high: float = Field(description="upper end of it")


class SpeedResult(Part):
    """How fast a check ran. The baseline is always the lab's own solution, never the submission's."""

    against: str = Field(description="id of the check that the baseline runs")
    at_least: float = Field(description="the ratio that is needed")
    enough: bool
    baseline: Literal["measured", "estimated"] = Field(
        description="measured here, or taken from publishing and scaled by a piece of work that is timed on both"
    )
    confidence: float = Field(description="of the intervals, 0 to 1")
    repeats: int = Field(description="calls of the submission that count")
    parts: list[SpeedPart] = Field(description="the whole first, then its parts in order")


class LearningCurve(Part):
    """How a training went: the mean of at most 200 equal stretches of what was measured in each step."""

    name: Literal["loss", "accuracy"]
    steps: int = Field(description="how many values there were")
    values: list[float | None] = Field(description="in order; None where one was NaN or infinite")


class ErrorPicture(Part):
    """Where an array is wrong: its part with most wrong entries, reduced to a few rows and columns; no values."""

    title: str = Field(description="which part of which array")
    levels: list[list[int | None]] = Field(
        description="row by row: 0 right, 1 wrong by up to 10 times the allowed error, to 5; null where unknown"
    )


class BeyondResult(Part):
    """What a check showed in the cases that lie beyond the course; none of it decides a tier."""

    verdict: Verdict
    message: str = ""
    hint: str = ""
    next: str = ""
    cases_passed: int = 0
    cases_total: int = 0
    failed_case: str | None = None
    output: str = ""
    misconception: str | None = None
    picture: ErrorPicture | None = None


class CheckResult(Part):
    """One check. ``message`` is plain text for the student, several lines at most; what passed has
    one only if it was timed against a baseline, or if it trains."""

    id: str
    tier: int | None
    title: str
    verdict: Verdict
    message: str = ""
    hint: str = Field("", description="the likely cause, when it is known")
    next: str = Field("", description="the command to run or the thing to do next")
    seconds: float = Field(0.0, description="time inside the submission, on the grader's clock")
    cases_passed: int = 0
    cases_total: int = 0
    failed_case: str | None = None
    output: str = Field("", description="the end of what the submission printed, on public cases only")
    misconception: str | None = Field(None, description="name of the recognised mistake, for instructors")
    picture: ErrorPicture | None = Field(None, description="where the first wrong array is wrong, if known")
    beyond: BeyondResult | None = Field(
        None, description="cases beyond the course, where they decide nothing; null if none was run"
    )
    speed: SpeedResult | None = Field(None, description="only where speed decides whether the check passes")
    curves: list[LearningCurve] = Field([], description="only of a check that trains")

    @property
    def breaks_beyond(self) -> bool:
        """Whether it holds as the course uses it and breaks beyond that."""
        broken = self.beyond is not None and self.beyond.verdict is not Verdict.PASS
        return broken and self.verdict is Verdict.PASS


class LayerTime(Part):
    """One layer of the full network, timed on the grader's clock; None where it was not reached."""

    name: str
    kind: str = ""
    forward_ms: float | None = None
    backward_ms: float | None = None
    forward_share: float | None = Field(None, description="share of the whole forward pass, 0 to 1")
    multiply_adds: int | None = None
    forward_gflops: float | None = Field(None, description="2 * multiply_adds / forward time / 1e9")
    reference_forward_ms: float | None = Field(
        None, description="of the lab's solution, carried over from publishing"
    )
    reference_backward_ms: float | None = None
    engine_forward_ms: float | None = Field(None, description="of the instructor's engine, how fast it can be")
    engine_backward_ms: float | None = None


class JailInfo(Part):
    """How the submission was isolated: 3 namespaces, 2 Landlock and seccomp, 1 another process only."""

    level: Literal[1, 2, 3]
    name: str
    warnings: list[str] = []


class Times(Part):
    """Wall time in seconds; ``student`` is the time spent waiting for the submission's own code."""

    total: float
    student: float
    setup: float = Field(0.0, description="one-off preparation such as making the seeded checkpoint")


class Memory(Part):
    """Peak resident memory in MiB."""

    worker_peak_mib: float | None = None
    grader_peak_mib: float | None = None


class ComputerInfo(Part):
    """What computed: sums are rounded in another order on another processor, or by another BLAS."""

    processor: str
    features: list[str] = Field([], description="those of its instructions that decide how sums are formed")
    blas: str = Field("", description="library of NumPy's matrix products, with the kernels that it chose")
    arithmetic: str = Field("host", description="what GRADER_ARITHMETIC asked for")


class FixtureInfo(Part):
    """Which published fixtures were used."""

    release: str
    hidden: bool
    sha256: str


class GradeResult(Part):
    """The whole result of grading one submission."""

    schema_id: Literal["grader/result/v2"] = Field(SCHEMA_ID, alias="schema")
    lab: str
    lab_title: str
    lab_version: int
    language: str = Field("en", description="of titles, messages and hints; everything else is the same in all")
    mode: Literal["grade", "check"] = "grade"
    started_at: str = Field(description="UTC, ISO 8601")
    submission: SubmissionInfo
    gates: Literal["course", "general"] = Field(
        "course", description="which cases decide the tiers: those of the course, or all"
    )
    score: int | None = Field(
        description="score of the highest tier passed, 0 if none; null where only a part of the checks was run"
    )
    max_score: int = 100
    complete: bool = Field(True, description="False when only some checks were run (--only, check)")
    checks_total: int | None = Field(None, description="how many checks the lab has; null where it is not known")
    for_record: bool = Field(
        True, description="False for a part of the checks, public cases, or a jail weaker than the lab demands"
    )
    tiers: list[TierResult]
    checks: list[CheckResult]
    layers: list[LayerTime] = []
    jail: JailInfo
    times: Times
    memory: Memory = Memory()
    fixtures: list[FixtureInfo] = []
    versions: dict[str, str] = {}
    computer: ComputerInfo | None = None

    @property
    def breaks_beyond(self) -> list[CheckResult]:
        """The checks that hold as the course uses them and break beyond it."""
        return [check for check in self.checks if check.breaks_beyond]


def read_document(plain: dict[str, Any]) -> GradeResult:
    """Return the result of a document of this version or an earlier one; raises pydantic's ValidationError.

    In version 1 all cases decided, a part of the checks had a score, and tiers did not say what was not run.
    """
    if plain.get("schema") == EARLIER_ID:
        complete = plain.get("complete", True)
        plain = {
            **plain,
            "schema": SCHEMA_ID,
            "gates": "general",
            "score": plain.get("score") if complete else None,
            "for_record": bool(complete and plain.get("for_record", True)),
            "checks_total": len(plain.get("checks", ())) if complete else None,
        }
    return GradeResult.model_validate(plain)


def versions() -> dict[str, str]:
    """Return the versions of everything that may change a result."""
    return dict(_versions())


@cache
def _versions() -> Mapping[str, str]:
    found = {"grader": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in ("numpy", "numba", "scipy", "opencv-python"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
