"""Recognises a known mistake by what it returned when the lab was published.

No wrong implementation runs here: a submission's arrays are compared with the recorded wrong ones. A mistake is
recognised if it explains every failing case, or at least half of them and the first, and no error where the
submission is right. Half is not enough where the wrong outputs are a few whole numbers, or all off by one: many
mistakes agree there. What explains: the same wrong numbers, finite ones; or an exception of the same type and
message, raised at the same place. NaN and zeros come of many causes and show nothing by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from grader.compare import Tolerance, compare
from grader.explain.case_run import CaseRun
from grader.language.message import english
from grader.project.fixtures import RecordedMistake, RecordedRun
from grader.run.answers import place_of
from grader.verdicts import Verdict

JUDGED_BY_ARRAYS = (Verdict.WRONG, Verdict.OUTPUT)
LOOSER = 4.0
# Of the failing cases, a mistake that explains fewer than this share is not named at all.
MIN_SHARE = 0.5
# So many different wrong whole numbers, not all off by one, tell a mistake that explains a part of the cases.
MIN_WHOLE_NUMBERS = 8
# What a recorded mistake may leave of a submission's error, at most.
UNEXPLAINED = 0.1
# What differs between two programs that raise the same: names of classes, folders, the space around brackets.
CLASS_NAME = re.compile(r"'\w+' object")
FOLDER = re.compile(r"\(?/\S*/(\w+\.py)\)?")
# NumPy says of a product of matrices that does not fit, in two ways, which sizes meet.
MATMUL = re.compile(r"matmul: .*\(size (?P<second>\d+) is different from (?P<first>\d+)\)")
DOT = re.compile(r"shapes .* not aligned: (?P<first>\d+) \(dim \d\) != (?P<second>\d+) \(dim \d\)")
COMPARED_CHARACTERS = 400
# In what a check requires: numbers, and which layer it is, as counted in the whole network.
LAYER = re.compile(r"\blayer \d+", re.IGNORECASE)
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
# Messages that name something: a name, a type, a shape, a size. "list index out of range" does not.
SPECIFIC = re.compile(
    r"'(?!NoneType')[^']+'|[(\[]\d+,|size \d+|not str|\(dim \d\)|^\w+: |\d added|second time|, expected "
    r"|\w\(\) takes \d+ positional"
)
# Where a mistake reads from outside, at least this share of its wrong numbers has to be there.
MIN_INNER = 0.25
Agreement = Literal["same", "plausible", "no"]


@dataclass(frozen=True)
class Recognised:
    """A known mistake that explains what a submission returned, in all of its failing cases or in some.

    ``explained`` are the failing cases that it explains, by their number among the runs, ``others`` those that it
    does not. ``also`` holds the titles of other single mistakes that explain as much: they return the same numbers.
    """

    mistake: RecordedMistake
    explained: tuple[int, ...] = ()
    others: tuple[int, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether it explains every failing case."""
        return not self.others


def recognise(runs: Sequence[CaseRun], mistakes: Sequence[RecordedMistake]) -> Recognised | None:
    """Return the mistake that explains the runs best, or None.

    A single mistake goes before a pair, and a complete explanation before a partial one.
    """
    found = [item for mistake in mistakes if (item := explains(runs, mistake)) is not None]
    if not found:
        return None
    best = min(found, key=lambda item: (not item.complete, -len(item.explained), item.mistake.is_pair))
    if not best.complete or best.mistake.is_pair:
        return best
    others = [item.mistake for item in found if item.complete and not item.mistake.is_pair]
    also = dict.fromkeys(other.title for other in others if other.name != best.mistake.name)
    return replace(best, also=tuple(also))


def holds_in(runs: Sequence[CaseRun], mistake: RecordedMistake) -> bool:
    """Whether a mistake explains every one of these runs that failed, and one at least."""
    found = explains(runs, mistake)
    return found is not None and found.complete


def explains(runs: Sequence[CaseRun], mistake: RecordedMistake) -> Recognised | None:
    """Return which failing cases a mistake explains; None if they are too few or a case speaks against it."""
    explained: list[int] = []
    plausible: list[int] = []
    others: list[int] = []
    for index, run in enumerate(runs):
        recorded = mistake.runs[index] if index < len(mistake.runs) else RecordedRun(Verdict.PASS)
        if run.passed:
            if recorded.verdict is not Verdict.PASS and not mistake.reads_outside:
                return None
            continue
        agreement = _agrees(run, recorded, mistake)
        if agreement == "no" and (mistake.reads_outside or run.outcome.verdict is not None):
            # An exception that is not the mistake's own has a cause of its own.
            return None
        {"same": explained, "plausible": plausible, "no": others}[agreement].append(index)
    if not explained or (others and min(others) < min(explained)):
        return None
    if len(explained) < MIN_SHARE * (len(explained) + len(others)):
        return None
    if others and not _tell_in_part([runs[index] for index in explained]):
        return None
    return Recognised(mistake, tuple(sorted(explained + plausible)), tuple(others))


def _agrees(run: CaseRun, recorded: RecordedRun, mistake: RecordedMistake) -> Agreement:
    if recorded.verdict is Verdict.PASS:
        return "no"
    if run.outcome.verdict is not None:
        if not _same_ending(run, recorded, mistake.symptom):
            return "no"
        named = _names_something(recorded, mistake.symptom) or _raised_at(run, mistake.line)
        return "same" if named else "plausible"
    if recorded.verdict not in JUDGED_BY_ARRAYS:
        return "no"
    if same_arrays(recorded.outputs, run.outcome.outputs, run.recorded.tolerances):
        return "same" if _shows_something(run, recorded) else "plausible" if _is_near(run, recorded) else "no"
    if mistake.reads_outside and _shapes(recorded.outputs) == _shapes(run.outcome.outputs):
        # Numbers read from outside do not matter, but those from inside do, of a wrong shape, too.
        if _inner_share(run, recorded) < MIN_INNER:
            return "no"
        return "same" if _shapes(recorded.outputs) != _shapes(run.recorded.expected) else "plausible"
    return "no"


def _shows_something(run: CaseRun, recorded: RecordedRun) -> bool:
    """Whether the recorded wrong outputs tell this mistake from others.

    They hold numbers, not only infinities and NaN, nor only zeros where nothing else is right; and the submission
    is far nearer to them than to what is right: an error of the size of a tolerance agrees with any other such.
    """
    wrong = compare(run.recorded.expected, recorded.outputs, run.recorded.tolerances)
    found = (recorded.outputs.get(finding.output) for finding in wrong)
    numbers = [array[np.isfinite(array)] for array in found if array is not None]
    beside_right = len(wrong) < len(recorded.outputs)
    has_numbers = any(bool(array.any()) or (array.size > 0 and beside_right) for array in numbers)
    return has_numbers and _is_near(run, recorded)


def _tell_in_part(runs: Sequence[CaseRun]) -> bool:
    """Whether the wrong outputs of these cases tell a mistake, though it does not explain all cases."""
    seen: set[int] = set()
    steps: set[int] = set()
    for run in runs:
        for finding in run.findings:
            expected, actual = run.recorded.expected.get(finding.output), run.output(finding.output)
            if expected is None or actual is None or expected.dtype.kind == "f" or actual.shape != expected.shape:
                continue
            wrong = actual != expected
            seen.update(int(value) for value in actual[wrong])
            steps.update(abs(int(value)) for value in np.subtract(actual[wrong], expected[wrong], dtype=np.int64))
    return not seen or (len(seen) >= MIN_WHOLE_NUMBERS and bool(steps - {1}))


def _inner_share(run: CaseRun, recorded: RecordedRun) -> float:
    """Return how many of the wrong numbers that a mistake gave a submission gave as well, as a share of them."""
    shares = []
    for name, expected in run.recorded.expected.items():
        known, seen = recorded.outputs[name], run.outcome.outputs[name]
        if not all(array.dtype.kind == "f" for array in (expected, known, seen)):
            continue
        tolerance = run.recorded.tolerances[name]
        with np.errstate(invalid="ignore", over="ignore"):
            allowed = LOOSER * (tolerance.atol + tolerance.rtol * np.abs(known.astype(np.float64)))
            wrong = np.ones(known.shape, bool)
            if known.shape == expected.shape:
                wrong = ~(np.abs(known.astype(np.float64) - expected) <= allowed)
            alike = np.abs(known.astype(np.float64) - seen) <= allowed
        if wrong.any():
            shares.append(float((wrong & alike).sum()) / float(wrong.sum()))
    return min(shares, default=0.0)


def _is_near(run: CaseRun, recorded: RecordedRun) -> bool:
    """Whether what is left unexplained of every wrong output is a small part of its error."""
    for finding in run.findings:
        known, seen = recorded.outputs.get(finding.output), run.output(finding.output)
        expected = run.recorded.expected.get(finding.output)
        if known is None or seen is None or expected is None or seen.shape != expected.shape:
            continue
        known, seen, expected = (array.astype(np.float64) for array in (known, seen, expected))
        with np.errstate(invalid="ignore"):
            left, error = np.abs(seen - known), np.abs(seen - expected)
        kept = np.isfinite(error) & np.isfinite(left)
        if float(left[kept].max(initial=0.0)) > UNEXPLAINED * float(error[kept].max(initial=0.0)):
            return False
    return True


def _shapes(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}


def _same_ending(run: CaseRun, recorded: RecordedRun, symptom: str) -> bool:
    outcome = run.outcome
    if outcome.verdict is not recorded.verdict or outcome.error_type != recorded.error_type:
        return False
    if tuple(place_of(outcome.frames)) != tuple(recorded.place):
        return False
    said, known = _normalised(english(outcome.message)), _normalised(recorded.message)
    if not known:
        return False
    if symptom and recorded.verdict in JUDGED_BY_ARRAYS:
        # Only what a check requires is said in words of its own, which may name what differs between programs.
        found, own = re.search(symptom, said), re.search(symptom, known)
        return found is not None and (own is None or _values(found) == _values(own))
    return said == known


def _values(found: re.Match[str]) -> list[str]:
    """Return the numbers behind a symptom, else those before it: another width or name is another mistake."""
    behind = NUMBERS.findall(found.string[found.end() :])
    return behind or NUMBERS.findall(LAYER.sub("", found.string[: found.start()]))


def _names_something(recorded: RecordedRun, symptom: str) -> bool:
    """Whether the message tells this mistake from others.

    What Python says of many mistakes alike tells none of them; nor does what a check requires, without a value.
    """
    if recorded.verdict in JUDGED_BY_ARRAYS:
        return bool(symptom) or re.search(r"\d", recorded.message) is not None
    return SPECIFIC.search(recorded.message) is not None


def _raised_at(run: CaseRun, line: str) -> bool:
    """Whether the submission's line at which the exception ended is one that shows a mistake."""
    frames = run.outcome.frames
    return bool(line and frames) and re.search(line, frames[-1].code) is not None


def _normalised(message: str) -> str:
    for pattern in (MATMUL, DOT):
        if product := pattern.search(message):
            return f"{product['first']} and {product['second']} meet in a product"
    text = FOLDER.sub(r"\1", CLASS_NAME.sub("object", message[:COMPARED_CHARACTERS]))
    return " ".join(text.replace("( ", "(").replace(" )", ")").split())


def same_arrays(
    recorded: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], tolerances: Mapping[str, Tolerance]
) -> bool:
    """Whether two sets of outputs agree up to rounding; bounds grow with the size of the recorded numbers.

    Infinite and NaN count as the same: which of them comes out is a matter of how a formula is written.
    """
    if _shapes(recorded) != _shapes(actual):
        return False
    recorded = {name: _without_infinities(array) for name, array in recorded.items()}
    actual = {name: _without_infinities(array) for name, array in actual.items()}
    return not compare(
        recorded, actual, {name: _looser(array, tolerances[name]) for name, array in recorded.items()}
    )


def _without_infinities(array: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(array), array, np.nan) if array.dtype.kind == "f" else array


def _looser(array: np.ndarray, tolerance: Tolerance) -> Tolerance:
    if tolerance.metric == "share":
        # What is almost right is not the same as what a mistake gave.
        return Tolerance(0.0, 0.0)
    if tolerance.metric == "l2" or array.dtype.kind != "f":
        return Tolerance(tolerance.atol, LOOSER * tolerance.rtol, tolerance.metric)
    finite = array[np.isfinite(array)]
    own_scale = float(np.abs(finite).max(initial=0.0))
    return Tolerance(LOOSER * tolerance.atol, max(LOOSER * tolerance.rtol, _relative(tolerance, own_scale)))


def _relative(tolerance: Tolerance, scale: float) -> float:
    """Return a relative bound as tight as the absolute one is for numbers of this size, at most 1e-4."""
    return min(1e-4, tolerance.atol / scale) if scale > 0 else 0.0
