"""A lab's certificate: what was proved when it was published, as a table for people and as data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.publishing.conditioning import SHARE_OF_TOLERANCE, CaseMovement
from grader.publishing.exemptions import Exempt
from grader.publishing.recording import RecordingError
from grader.publishing.tolerances import MARGIN, DerivedTolerance
from grader.run.properties import PropertyResult

SCHEMA_ID = "grader/certificate/v1"
JSON_NAME = "certificate.json"
TEXT_NAME = "certificate.md"


@dataclass(frozen=True)
class Condition:
    """One of the conditions of publishing."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True)
class MistakeRow:
    """What a known mistake loses.

    ``checks`` are those that it fails itself in cases of the course, ``skipped`` those that need one of these;
    ``score`` is what is left. ``beyond`` are those that it fails only in cases beyond the course.
    ``times`` is by how many times a tolerance it is exceeded in the check where that is least; ``same`` names
    mistakes that return the same numbers in every recorded case, so that no one can tell them apart.
    """

    name: str
    title: str
    checks: tuple[str, ...]
    skipped: tuple[str, ...]
    score: int
    times: float
    same: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpeedRow:
    """How fast one solution ran in a timed check, as a ratio to the reference in the check ``against``.

    ``solution`` is the reference, a right variant, or ``against``: then the baseline itself, with the whole work.
    """

    check: str
    against: str
    at_least: float
    solution: str
    seconds: float
    ratio: float
    low: float
    high: float

    @property
    def is_baseline(self) -> bool:
        """Whether it is the baseline, which must not reach the bound."""
        return self.solution == self.against


@dataclass(frozen=True)
class Certificate:
    """Everything that was proved. It holds no seed and no expected value."""

    lab: str
    lab_version: int
    release: str
    conditions: Sequence[Condition]
    tolerances: Sequence[DerivedTolerance]
    mistakes: Sequence[MistakeRow]
    pairs: int
    gradients: Sequence[PropertyResult]
    variants: Sequence[str]
    versions: dict[str, str]
    seconds: float
    speeds: Sequence[SpeedRow] = ()
    movements: Sequence[CaseMovement] = ()
    computers: Sequence[str] = ()
    left_out: Sequence[Exempt] = ()

    @property
    def complete(self) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds for condition in self.conditions)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"schema": SCHEMA_ID, **_plain(asdict(self))}

    def as_text(self) -> str:
        """Return it as Markdown."""
        return "\n".join(_lines(self)) + "\n"


class NotProved(RecordingError):
    """A condition of publishing does not hold; nothing was published. The message is the table that shows why."""


def require_complete(certificate: Certificate) -> None:
    """Require that all conditions hold.

    Raises
    ------
    NotProved : they do not.
    """
    if not certificate.complete:
        rows = [f"  {'held  ' if c.holds else 'FAILED'}  {c.name}: {c.detail}" for c in certificate.conditions]
        text = "\n".join(rows)
        raise NotProved(
            "{lab} was not published, because not all conditions hold:\n{rows}", lab=certificate.lab, rows=text
        )


def write_certificate(certificate: Certificate, folder: Path) -> None:
    """Write both forms beside the fixtures."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(certificate.as_data(), indent=1, sort_keys=True, allow_nan=False)
    (folder / JSON_NAME).write_text(text + "\n", encoding="utf-8")
    (folder / TEXT_NAME).write_text(certificate.as_text(), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say: infinities become None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _lines(item: Certificate) -> Iterator[str]:
    yield f"# Certificate of `{item.lab}`, version {item.lab_version}"
    yield ""
    yield f"Release `{item.release}`, proved in {item.seconds:.0f} s. Written by `grader publish`; do not edit."
    yield ""
    yield "## Conditions"
    yield ""
    yield from table(
        ("condition", "holds", "measured"),
        [(c.name, "yes" if c.holds else "**no**", c.detail) for c in item.conditions],
    )
    yield ""
    yield from _tolerances(item.tolerances)
    yield from _gradients(item.gradients)
    if item.movements:
        yield from _conditioning(item.movements)
    if item.speeds:
        yield from _speeds(item.speeds)
    if item.left_out:
        yield from _left_out(item.left_out)
    yield from _mistakes(item.mistakes, item.pairs)
    yield "## Versions"
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in sorted(item.versions.items())) + "."
    if item.computers:
        yield f"Arithmetics: {'; '.join(item.computers)}; and float64, by the engine, where the lab has one."
    yield f"Right variants: {', '.join(f'`{name}`' for name in item.variants)}."


def _tolerances(tolerances: Sequence[DerivedTolerance]) -> Iterator[str]:
    yield "## Tolerances"
    yield ""
    yield (
        "Relative to the largest magnitude of the expected array (`max`) or to its norm (`l2`). Each is at least "
        f"{MARGIN:g} times the spread among right solutions under all arithmetics; every mistake exceeds one at "
        f"least {MARGIN:g} times."
    )
    yield ""
    yield from table(
        ("check", "output", "metric", "tolerance", "spread", "widest variant", "nearest mistake", "its error"),
        [_tolerance_row(measured) for measured in _condensed(tolerances)],
    )
    yield ""


def _gradients(gradients: Sequence[PropertyResult]) -> Iterator[str]:
    yield "## Gradients"
    yield ""
    yield "Gradients of the reference against central differences in float64, relative to the gradient's length."
    yield ""
    yield from table(
        ("layer", "worst error", "bound", "cases", "directions left out at kinks"),
        [(g.layer, f"{g.error:.1e}", f"{g.bound:.0e}", str(g.cases), str(g.skipped)) for g in gradients],
    )
    yield ""


def _mistakes(mistakes: Sequence[MistakeRow], pairs: int) -> Iterator[str]:
    yield f"## Mistakes ({len(mistakes)}, and {pairs} pairs of common ones)"
    yield ""
    yield from table(
        (
            "mistake",
            "what it is",
            "loses",
            "beyond the course",
            "score left",
            "times its tolerance",
            "not told apart from",
        ),
        [
            (
                f"`{row.name}`",
                row.title,
                ", ".join(f"`{name}`" for name in row.checks),
                ", ".join(f"`{name}`" for name in row.beyond),
                str(row.score),
                _times(row.times),
                ", ".join(f"`{name}`" for name in row.same),
            )
            for row in mistakes
        ],
    )
    yield ""


def _conditioning(movements: Sequence[CaseMovement]) -> Iterator[str]:
    yield "## Conditioning"
    yield ""
    yield (
        "How far rounding moves each case, as a share of the tolerance of the output that moves most: every "
        "activation, forward and backward, and every input is moved at random by a few units of float32 rounding, "
        "again and again. "
        f"A case that moves by more than {SHARE_OF_TOLERANCE:.0%} is not published."
    )
    yield ""
    found: dict[tuple[str, int], dict[str, CaseMovement]] = {}
    for item in movements:
        found.setdefault((item.check, item.place), {})[item.kind] = item
    yield from table(
        ("check", "case", "hidden", "public"),
        [
            (
                f"`{check}`",
                next(iter(kinds.values())).case,
                *(f"{kinds[kind].share:.1%}" if kind in kinds else "" for kind in ("hidden", "public")),
            )
            for (check, _), kinds in found.items()
        ],
    )
    yield ""


def _left_out(left_out: Sequence[Exempt]) -> Iterator[str]:
    yield "## Left out of the proof"
    yield ""
    yield "What the conditions above do not ask for, and the reason that the author of the lab gives."
    yield ""
    yield from table(
        ("condition", "name", "reason"),
        [(item.section.replace("_", " "), f"`{item.name}`", item.reason) for item in left_out],
    )
    yield ""


def _speeds(speeds: Sequence[SpeedRow]) -> Iterator[str]:
    yield "## Speed"
    yield ""
    yield (
        "Seconds of one call, and how many times as fast that is as the reference in the check that it is compared "
        "with (95 % interval)."
    )
    yield ""
    yield from table(
        ("check", "compared with", "at least", "solution", "seconds", "times as fast"),
        [
            (
                f"`{row.check}`",
                f"`{row.against}`",
                f"{row.at_least:g}",
                f"`{row.solution}`" + (" itself" if row.is_baseline else ""),
                f"{row.seconds:.3g}",
                f"{row.ratio:.3g} ({row.low:.3g} to {row.high:.3g})",
            )
            for row in speeds
        ],
    )
    yield ""


def _condensed(tolerances: Sequence[DerivedTolerance]) -> list[DerivedTolerance]:
    """Return, for checks with many outputs, only the one with the widest spread and those that a mistake names."""
    kept = []
    for check in dict.fromkeys(measured.check for measured in tolerances):
        own = [measured for measured in tolerances if measured.check == check]
        if len(own) > 4:
            widest = max(own, key=lambda measured: measured.spread)
            own = [measured for measured in own if measured is widest or measured.mistake]
        kept += own
    return kept


def _tolerance_row(measured: DerivedTolerance) -> tuple[str, ...]:
    return (
        f"`{measured.check}`",
        f"`{measured.output}`",
        measured.metric,
        f"{measured.tolerance:.1e}",
        f"{measured.spread:.1e}",
        f"`{measured.widest}`" if measured.widest else "",
        f"`{measured.mistake}`" if measured.mistake else "none by numbers alone",
        f"{measured.nearest:.1e}" if measured.mistake else "",
    )


def _times(times: float) -> str:
    return "more than numbers" if not math.isfinite(times) else f"{times:.2g}" if times < 1e4 else f"{times:.0e}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
