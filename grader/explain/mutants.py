"""Says of which small change in a hole the solution returns what a submission did, where no known mistake does.

The evidence is that of known mistakes (`grader.explain.mistakes`), and more: every failing case returns the same
numbers as the changed solution, several different ones, and every other case is right in both. What is said is
true of the solution alone: the submission may be written otherwise. Of several changes that return the same, what
they share is said, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from grader.compare import FLOATING, Tolerance
from grader.explain.case_run import CaseRun
from grader.explain.comparison import SAME_ENTRY
from grader.explain.mistakes import holds_in
from grader.language.translation import _, marked
from grader.project.fixtures import RecordedMistake
from grader.project.library import Change, RecordedMutant

# So many different wrong numbers have to agree, and of whole numbers, which agree by chance, so many.
MIN_NUMBERS, MIN_WHOLE_NUMBERS = 3, 8
# Of zeros, the places have to agree: beside so many right entries that are not 0.
MIN_BESIDE = 8
MAX_CHANGES, MAX_HOLES = 3, 2
# What the rules in `grader.publishing.mutants.rules` call their changes, and how a sentence goes on after "when".
SAID: Mapping[str, str] = {
    "`+` replaced by `-`": marked("a `+` is replaced by a `-`"),
    "`-` replaced by `+`": marked("a `-` is replaced by a `+`"),
    "`*` replaced by `/`": marked("a `*` is replaced by a `/`"),
    "`/` replaced by `*`": marked("a `/` is replaced by a `*`"),
    "`//` replaced by `*`": marked("a `//` is replaced by a `*`"),
    "a sign dropped": marked("a minus sign is missing"),
    "a factor left out": marked("a factor or a divisor is missing"),
    "a term left out": marked("a term of a sum or a difference is missing"),
    "operands exchanged": marked("the two sides of a difference, a quotient or a product are exchanged"),
    "`+=` replaced by `=`": marked("a sum (`+=`) is replaced by an assignment (`=`)"),
    "`-=` replaced by `=`": marked("a difference (`-=`) is replaced by an assignment (`=`)"),
    "`*=` replaced by `=`": marked("a product (`*=`) is replaced by an assignment (`=`)"),
    "`/=` replaced by `=`": marked("a quotient (`/=`) is replaced by an assignment (`=`)"),
    "`+=` replaced by `-=`": marked("a `+=` is replaced by a `-=`"),
    "a statement with `+=` left out": marked("a line with `+=` is missing"),
    "a statement with `-=` left out": marked("a line with `-=` is missing"),
    "a statement with `*=` left out": marked("a line with `*=` is missing"),
    "a statement with `/=` left out": marked("a line with `/=` is missing"),
    "a value that is not kept": marked("an assignment to an attribute or to a part of an array is missing"),
    "a call left out": marked("a call is missing"),
    "`>` replaced by `>=`": marked("a `>` is replaced by a `>=`"),
    "`>=` replaced by `>`": marked("a `>=` is replaced by a `>`"),
    "`<` replaced by `<=`": marked("a `<` is replaced by a `<=`"),
    "`<=` replaced by `<`": marked("a `<=` is replaced by a `<`"),
    "`==` replaced by `!=`": marked("a `==` is replaced by a `!=`"),
    "`!=` replaced by `==`": marked("a `!=` is replaced by a `==`"),
    "a comparison turned": marked("a comparison is turned round"),
    "a number off by one": marked("a whole number is off by one"),
    "an index off by one": marked("an index is too small by one"),
    "a bound of a slice off by one": marked("a bound of a slice is too large by one"),
    "a bound of a slice left out": marked("a bound of a slice is missing"),
    "the step of a slice left out": marked("the step of a slice is missing"),
    "a transposition left out": marked("a transposition is missing"),
    "two arguments exchanged": marked("two arguments of a call are exchanged"),
    "a copy left out": marked("a copy is missing"),
    "a loop too short": marked("a loop ends one step too early"),
    "a loop that begins too late": marked("a loop begins at 1 instead of 0"),
    "a named argument left out": marked("a named argument of a call is missing"),
    "a part of a list or tuple left out": marked("a part of a list or a tuple is missing"),
    "two parts of a list or tuple exchanged": marked("two neighbours in a list or a tuple are exchanged"),
    "a condition turned": marked("a condition is turned round"),
    "one of two values taken always": marked("of two values that depend on a condition, one is always taken"),
    "`and` replaced by `or`": marked("an `and` is replaced by an `or`"),
    "`or` replaced by `and`": marked("an `or` is replaced by an `and`"),
    "rows and columns exchanged": marked("rows and columns are exchanged in one place"),
    "a result in half precision": marked("a result is rounded to half precision (`float16`)"),
}  # fmt: skip
LEFT_OUT = re.compile(r"`(?P<name>\w+)` left out")


def by_mutants(runs: Sequence[CaseRun], mutants: Sequence[RecordedMutant]) -> str:
    """Return which change in which hole of the solution gives what was returned in every case; else nothing."""
    failing = [index for index, run in enumerate(runs) if not run.passed]
    if any(runs[index].outcome.verdict is not None for index in failing):
        return ""
    changes: list[Change] = []
    for mutant in mutants:
        if (
            len(mutant.runs) == len(runs)
            and holds_in(runs, RecordedMistake("", "", "", "", mutant.runs))
            and _tells(runs, mutant, failing)
        ):
            changes += [change for change in mutant.changes if change not in changes]
    return _sentence(changes)


def _tells(runs: Sequence[CaseRun], mutant: RecordedMutant, failing: Sequence[int]) -> bool:
    """Whether the wrong numbers are so many, or their places so special, that they do not agree by chance."""
    exact: set[float] = set()
    whole: set[float] = set()
    placed = True
    for index in failing:
        recorded, beside = runs[index].recorded, 0
        for finding in runs[index].findings:
            known = mutant.runs[index].outputs.get(finding.output)
            expected = recorded.expected.get(finding.output)
            if known is None or expected is None:
                continue
            right = _right(expected, known, recorded.tolerances[finding.output])
            wrong = known[~right & np.isfinite(known) & (known != 0)]
            if known.dtype.kind == FLOATING:
                exact.update(np.unique(wrong)[:MIN_NUMBERS].tolist())
                beside = max(beside, int((right & (known != 0)).sum()))
            else:
                whole.update(np.unique(wrong)[:MIN_WHOLE_NUMBERS].tolist())
        placed &= beside >= MIN_BESIDE
    return placed or len(exact) >= MIN_NUMBERS or len(whole) >= MIN_WHOLE_NUMBERS


def _right(expected: np.ndarray, known: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    """Return which entries of a mutant's output are right; none where the shape is another."""
    if known.shape != expected.shape:
        return np.zeros(known.shape, bool)
    if tolerance.metric == "share" or known.dtype.kind != FLOATING:
        return np.asarray(known == expected)
    scale = float(np.abs(expected).max(initial=0.0))
    of_all = SAME_ENTRY * scale if tolerance.metric == "l2" else tolerance.atol + tolerance.rtol * np.abs(expected)
    return np.asarray(np.abs(known.astype(np.float64) - expected) <= of_all)


def _sentence(changes: Sequence[Change]) -> str:
    said = list(dict.fromkeys(said_of(change.words) for change in changes))
    holes = list(dict.fromkeys(change.hole for change in changes))
    if not changes or "" in said or min(len(said), len(holes)) > 1:
        return ""
    if len(said) > MAX_CHANGES or len(holes) > MAX_HOLES:
        return ""
    if len(holes) > 1:
        return _(
            "What is returned is what the solution gives when, in one of the holes `{first}` and `{second}`, "
            "{change}. Look for something like it in your code.",
            first=holes[0],
            second=holes[1],
            change=said[0],
        )
    change = said[0]
    for other in said[1:]:
        change = _("{first}, or {second}", first=change, second=other)
    return _(
        "What is returned is what the solution gives when, in the hole `{hole}`, {change}. Look for something like "
        "it in your code.",
        hole=holes[0],
        change=change,
    )


def said_of(words: str) -> str:
    """Return how a change is told; empty if a rule calls it something that is not known here."""
    if words in SAID:
        return _(SAID[words])
    named = LEFT_OUT.fullmatch(words)
    return _("`{name}` is missing", name=named["name"]) if named else ""
