"""What a student reads when a check did not pass: what was seen, what is required, and what to do next."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from grader.checks import Case, Check
from grader.compare import Finding
from grader.contract import Lab
from grader.policy import Use
from grader.result import SpeedPart, SpeedResult
from grader.session import Frame, Outcome
from grader.verdicts import Verdict

PYTHON2_DIVISION = re.compile(
    r"'(numpy\.)?float(64|32)?' object cannot be interpreted as an integer|slice indices must be integers"
    r"|only integers, slices|No implementation of function.*(zeros|empty)|cannot determine Numba type of.*float",
    re.S,
)

NOT_UTF8 = re.compile(r"codec can't decode|cannot contain null bytes|contains null bytes|Non-UTF-8 code")
NOT_HANDED_IN = re.compile(r"^(?P<file>\S+\.py) was not handed in$")


def describe_case(case: Case) -> str:
    """Name a case by its settings and the shapes of its arrays."""
    settings = [
        f"{key}={value}" for key, value in case.config.items() if isinstance(value, int | float | str | bool)
    ]
    shapes = [f"{key} {tuple(array.shape)}" for key, array in case.arrays.items()]
    inside = ", ".join(settings + shapes)
    return f"{case.name} ({inside})" if inside else case.name


def percent(fraction: float) -> str:
    """Write a relative error for a person, to two digits."""
    if math.isnan(fraction):
        return "NaN"
    value = 100 * fraction
    if value >= 1000:
        return f"{fraction:.2g} times"
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def describe_finding(finding: Finding) -> str:
    """Say what one finding is, without any expected number."""
    name = finding.output.split("/")[0]
    if finding.kind == "missing":
        return f"`{name}` was not returned."
    if finding.kind == "extra":
        return f"`{name}` was returned, but nothing of that name is expected."
    if finding.kind == "dtype":
        return f"`{name}` has dtype {finding.seen}; {finding.required} is required."
    if finding.kind == "shape":
        return f"`{name}` has shape {finding.seen}; {finding.required} is required."
    if finding.kind == "nonfinite":
        return f"`{name}` has {finding.seen}; {finding.required} are required."
    if finding.output.endswith("/shape"):
        return f"`{name}` has another shape than required."
    return (
        f"`{name}` differs in {percent(finding.share)} of its entries, "
        f"at most by {percent(finding.error)} of its largest value (allowed: {percent(finding.allowed)})."
    )


def describe_speed(lab: Lab, found: SpeedResult, least_s: float) -> str:
    """Say how fast a right version is, and how fast it must be; ``least_s`` is what no processor is faster than."""
    whole, *parts = found.parts
    where = "measured here" if found.baseline == "measured" else "estimated from publishing"
    text = (
        f"It takes {duration(whole.submission_s)}; the reference takes {duration(whole.baseline_s)} ({where}) for "
        f"`{lab.checks[found.against].title}`. That is {times(whole.ratio)} as fast "
        f"({found.confidence:.0%} interval {whole.low:.3g} to {whole.high:.3g}); "
        f"at least {found.at_least:.3g} times are needed."
    )
    if found.enough:
        return text
    if whole.high >= found.at_least:
        return (
            f"An answer came back sooner than any processor can do the work ({duration(least_s)} at the very "
            f"least), so nothing was measured. {text}"
        )
    lines = [f"The results are right, but they come too slowly. {text}"]
    lines += [
        f"  {part.name}: {duration(part.submission_s)}, {times(part.ratio)} as fast as the reference's "
        f"{duration(part.baseline_s)}"
        for part in parts
    ]
    slowest = min(parts, key=_ratio_of, default=None)
    if slowest is not None:
        lines.append(f"Begin with `{slowest.name}`: it gains least.")
    return "\n".join(lines)


def _ratio_of(part: SpeedPart) -> float:
    return part.ratio


def times(ratio: float) -> str:
    """Write a ratio for a person."""
    return f"{ratio:.3g} times"


def duration(seconds: float) -> str:
    """Write seconds, or milliseconds where they are few, with three digits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def describe_frames(frames: Sequence[Frame]) -> str:
    """Write the submission's own lines of a traceback."""
    lines = []
    for frame in frames:
        function = f", in {frame.function}" if frame.function else ""
        lines += [f"  {frame.file}, line {frame.line}{function}", f"    {frame.code}"]
    return "\n".join(line.rstrip() for line in lines)


def describe_outcome(outcome: Outcome) -> str:
    """Say how a run ended that returned no comparable outputs."""
    verdict = outcome.verdict
    lines: list[str] = []
    if verdict is Verdict.UNFINISHED:
        lines.append(f"Not written yet: {outcome.message or 'the hole still raises NotImplementedError'}")
    elif verdict in (Verdict.EXCEPTION, Verdict.MEMORY) and outcome.error_type:
        lines.append(f"{outcome.error_type}: {outcome.message}".rstrip(": "))
        if not outcome.frames:
            lines.append(
                "It was raised where the check calls your code: compare the signature with the handout's."
                if outcome.error_type == "TypeError"
                else "It was raised outside your own lines."
            )
    elif verdict is Verdict.FORBIDDEN:
        lines.append(f"{outcome.message}, which this lab rules out: it asks for your own code.")
    else:
        lines.append(as_sentence(outcome.message))
    if outcome.frames and verdict is not Verdict.UNFINISHED:
        lines.append(describe_frames(outcome.frames))
    if outcome.error_type in ("TypeError", "TypingError", "IndexError") and PYTHON2_DIVISION.search(
        outcome.message
    ):
        lines.append("`/` gives a float on Python 3: use `//` where a size or an index is computed.")
    if verdict is Verdict.IMPORT and outcome.error_type == "SyntaxError" and NOT_UTF8.search(outcome.message):
        lines.append("The file is not saved as UTF-8, which Python expects: save it in your editor as UTF-8.")
    return "\n".join(line for line in lines if line)


def as_sentence(text: str) -> str:
    """Begin with a capital letter, unless the first word is the name of a file or of something in the code."""
    first = text.partition(" ")[0]
    return text if any(mark in first for mark in "._`/") else text[:1].upper() + text[1:]


def describe_use(lab: Lab, use: Use) -> str:
    """Say which library is ruled out and where it is used."""
    allowed = ", ".join(lab.facts.imports.allow or ())
    return (
        f"`{use.name}` is used in {use.file}, line {use.line}:\n    {use.code}\n"
        f"This lab asks for your own code. Libraries that may be used: {allowed}."
    )


def next_step(lab: Lab, check: Check, verdict: Verdict, said: str = "", *, too_slow: bool = False) -> str:
    """Return the command to run, or the thing to do, after a check that did not pass and what the run ``said``."""
    where = f" in stu_upload/{lab.name}/{check.files[0]}" if check.files else ""
    if verdict is Verdict.UNFINISHED and check.holes:
        return f"write {', '.join(check.holes)}{where}, then `python -m grader check {lab.name} --only {check.id}`"
    if verdict is Verdict.IMPORT:
        if absent := NOT_HANDED_IN.match(said):
            return f"hand in {absent['file']}, spelled exactly so, beside your other files"
        return (
            f"make `python -c 'import {(check.files or lab.required)[0][:-3]}'` work inside stu_upload/{lab.name}"
        )
    if verdict is Verdict.FORBIDDEN:
        return "write that part yourself; the handout has the formula"
    if verdict is Verdict.SKIPPED:
        return ""
    if verdict is Verdict.TIMEOUT:
        return "measure the call on a small input; loops belong inside a function compiled by numba"
    if too_slow:
        return f"python -m grader check {lab.name} --only {check.id}"
    if verdict is Verdict.CRASH:
        return "run it with NUMBA_BOUNDSCHECK=1: an index outside an array is the usual cause"
    return f"python -m grader explain {lab.name} {check.id}"
