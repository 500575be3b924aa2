"""What a student reads when a check did not pass: what was seen, what is required, and what to do next."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.collect.policy import Use
from grader.compare import Finding
from grader.explain.endings import place, why_it_ended
from grader.inside.answers import SENTENCES
from grader.lab.checks import Case, Check
from grader.language.message import Message, english
from grader.language.numbers import percent, rounded
from grader.language.translation import _, chosen, listed, translated
from grader.project.contract import Lab
from grader.run.answers import Frame
from grader.run.session import Outcome
from grader.verdicts import Verdict

MANY_TIMES = 10
# As the generator of skeletons writes it.
TODO = re.compile(r"\bTODO \w+: (.+)", re.S)
NOT_UTF8 = re.compile(r"codec can't decode|cannot contain null bytes|contains null bytes|Non-UTF-8 code")


def describe_case(case: Case, lab: Path | None = None) -> str:
    """Name a case of the lab in the folder ``lab`` by its settings and the shapes of its arrays."""
    settings = [
        f"{key}={tuple(value) if isinstance(value, list) else value}"
        for key, value in case.config.items()
        if isinstance(value, int | float | str | bool | list | tuple)
    ]
    shapes = [f"{key} {tuple(array.shape)}" for key, array in case.arrays.items()]
    inside = ", ".join(settings + shapes)
    name = translated(case.name, lab)
    return f"{name} ({inside})" if inside else name


def describe_run(
    outcome: Outcome, findings: Sequence[Finding], lab: Path | None = None, *, heard: str | None = None
) -> str:
    """Say what was seen in a run that did not pass: how it ended, or what is wrong with what it returned.

    ``heard`` are the words by which causes are told, where ``outcome`` holds only what may be shown.
    """
    if outcome.verdict is not None:
        return describe_outcome(outcome, lab, heard=heard)
    return describe_finding(first_to_tell(findings)) if findings else ""


def first_to_tell(findings: Sequence[Finding]) -> Finding:
    """Return the finding to speak of: the first that is no number, else the first, by its entries if it has any.

    Large arrays are sent as statistics and a sample of their entries; the entries say more.
    """
    first = next((finding for finding in findings if not finding.is_number), findings[0])
    name, _slash, part = first.output.rpartition("/")
    if part != "stats":
        return first
    return next((finding for finding in findings if finding.output == f"{name}/values"), first)


def describe_finding(finding: Finding) -> str:
    """Say what one finding is, without any expected number."""
    name = finding.output.split("/")[0]
    seen, required = finding.seen, finding.required
    if finding.kind == "missing":
        return _("`{name}` was not returned.", name=name)
    if finding.kind == "extra":
        return _("`{name}` was returned, but nothing of that name is expected.", name=name)
    if finding.kind == "dtype":
        return _("`{name}` has dtype {seen}; {required} is required.", name=name, seen=seen, required=required)
    if finding.kind == "shape":
        return _("`{name}` has shape {seen}; {required} is required.", name=name, seen=seen, required=required)
    if finding.kind == "nonfinite":
        return _("`{name}` has {seen}; {required} are required.", name=name, seen=seen, required=required)
    if finding.kind == "share":
        return _(
            "`{name}`: {seen} are right, {share}; at least {required} is required.",
            name=name,
            seen=seen,
            share=percent(1 - finding.share),
            required=required,
        )
    if finding.output.endswith("/shape"):
        return _("`{name}` has another shape than required.", name=name)
    if finding.output.endswith("/stats") and not math.isnan(finding.share):
        return _(
            "`{name}`: its mean, spread, least or largest value is off, by up to {error} of the largest of these "
            "(allowed: {allowed}).",
            name=name,
            error=percent(finding.error),
            allowed=percent(finding.allowed),
        )
    if math.isnan(finding.share):
        return _(
            "`{name}`: the length of the error is {error} of the length of what is required (allowed: {allowed}).",
            name=name,
            error=percent(finding.error),
            allowed=percent(finding.allowed),
        )
    if finding.error >= MANY_TIMES:
        return _(
            "`{name}` differs in {share} of its entries, by up to {factor} times its largest value (allowed: "
            "{allowed}).",
            name=name,
            share=percent(finding.share),
            factor=rounded(finding.error),
            allowed=percent(finding.allowed),
        )
    return _(
        "`{name}` differs in {share} of its entries, at most by {error} of its largest value (allowed: {allowed}).",
        name=name,
        share=percent(finding.share),
        error=percent(finding.error),
        allowed=percent(finding.allowed),
    )


def describe_frames(frames: Sequence[Frame]) -> str:
    """Write the submission's own lines of a traceback."""
    lines = []
    for frame in frames:
        function = _(", in {function}", function=frame.function) if frame.function else ""
        lines += [f"  {place(frame)}{function}", f"    {frame.code}"]
    return "\n".join(line.rstrip() for line in lines)


def describe_outcome(outcome: Outcome, lab: Path | None = None, *, heard: str | None = None) -> str:
    """Say how a run of a check of the lab in the folder ``lab`` ended that returned no comparable outputs."""
    verdict = outcome.verdict
    lines: list[str] = []
    message = str(outcome.message)
    if verdict is Verdict.UNFINISHED:
        # What a hole still raises stands in the lab's skeleton.
        what = instruction(message, lab) or _("the hole still raises NotImplementedError")
        if outcome.error_type == "NameError" and outcome.frames:
            what = _("the blank at {place} is not filled", place=place(outcome.frames[-1]))
        lines.append(_("Not written yet: {what}", what=what))
    elif verdict in (Verdict.EXCEPTION, Verdict.MEMORY) and outcome.error_type:
        lines.append(f"{outcome.error_type}: {message}".rstrip(": "))
        if not outcome.frames:
            lines.append(
                _("It was raised where the check calls your code: compare the signature with the handout's.")
                if outcome.error_type == "TypeError"
                else _("It was raised outside your own lines.")
            )
    elif verdict is Verdict.FORBIDDEN:
        lines.append(_("{what}, which this lab rules out: it asks for your own code.", what=message))
    else:
        lines.append(as_sentence(message))
    if outcome.frames and verdict is not Verdict.UNFINISHED:
        lines.append(describe_frames(outcome.frames))
    said = english(outcome.message) if heard is None else heard
    cause = why_it_ended(outcome, heard)
    if cause is not None:
        lines.append(cause.text)
    if verdict is Verdict.IMPORT and outcome.error_type == "SyntaxError" and NOT_UTF8.search(said):
        lines.append(_("The file is not saved as UTF-8, which Python expects: save it in your editor as UTF-8."))
    return "\n".join(line for line in lines if line)


def instruction(said: str, lab: Path | None) -> str:
    """Return a text that may end with what an open hole raises, its instruction in the reader's language."""
    found = TODO.search(said)
    return said[: found.start(1)] + translated(found[1], lab) if found else translated(said, lab)


def handout(lab: Lab) -> str:
    """Return where the lab's handout is in the reader's language, or in English if it has none."""
    name = f"README.{chosen()}.md"
    return f"labs/{lab.name}/{name if (lab.folder / name).is_file() else 'README.md'}"


def as_sentence(text: str) -> str:
    """Begin with a capital letter, unless the first word is the name of a file or of something in the code."""
    first = text.partition(" ")[0]
    return text if any(mark in first for mark in "._`/") else text[:1].upper() + text[1:]


def describe_use(lab: Lab, use: Use) -> str:
    """Say which library is ruled out and where it is used."""
    allowed = listed(lab.facts.imports.allow or ())
    text = _("This lab asks for your own code. Libraries that may be used: {allowed}.", allowed=allowed)
    if lab.facts.imports.forbid:
        text = f"{text} " + _("Not to be used in them: {names}.", names=listed(lab.facts.imports.forbid))
    return "\n".join(
        (
            _("`{name}` is used in {place}:", name=use.name, place=f"{use.file}:{use.line}"),
            f"    {use.code}",
            text,
        )
    )


def interpreter() -> str:
    """Return the interpreter that runs this, as it can be typed in the folder in which one works."""
    running, here = Path(sys.executable), Path.cwd()
    if running.is_relative_to(here):
        return _word(running.relative_to(here).as_posix())
    # Debian and macOS have no `python`.
    found = [name for name in ("python", "python3") if shutil.which(name)]
    active = next((name for name in found if Path(shutil.which(name) or "") == running), None)
    # Only the interpreter of this environment has the packages.
    if active is None and sys.prefix != sys.base_prefix and here.is_relative_to(Path(sys.prefix).parent):
        return _word(Path(os.path.relpath(running, here)).as_posix())
    return active or next(iter(found), "python")


def _word(path: str) -> str:
    """Return a path as a shell takes it for one word."""
    return f'"{path}"' if re.search(r"[\s&();'$]", path) else path


def command(*words: str) -> str:
    """Return a command of the grader that can be pasted, in the form that `commands_as` says."""
    return _form[0](*words)


def typed(*words: str) -> str:
    """Return a command of the grader as it is typed in a terminal."""
    return " ".join((interpreter(), "-m", "grader", *words))


# A setting like the language, and like it not passed from hand to hand.
_form: list[Callable[..., str]] = [typed]


@contextmanager
def commands_as(form: Callable[..., str]) -> Iterator[None]:
    """Let commands have another form for a while, such as calls in a notebook."""
    before, _form[0] = _form[0], form
    try:
        yield
    finally:
        _form[0] = before


def next_step(
    lab: Lab,
    check: Check,
    verdict: Verdict,
    outcome: Outcome | None = None,
    *,
    heard: str | None = None,
    too_slow: bool = False,
) -> str:
    """Return the command to run, or the thing to do, after a check that did not pass and how its run ended.

    ``heard`` is as for `describe_run`.
    """
    said = "" if outcome is None else outcome.message
    cause = None if outcome is None else why_it_ended(outcome, heard)
    if cause is not None and cause.step:
        return cause.step
    folder = f"stu_upload/{lab.name}"
    if verdict is Verdict.UNFINISHED and check.holes:
        return _(
            "write {holes} in {place}, then `{command}`",
            holes=listed(check.holes),
            place=f"{folder}/{check.files[0]}" if check.files else folder,
            command=command("check", lab.name, "--only", check.id),
        )
    if verdict is Verdict.IMPORT:
        if isinstance(said, Message) and said.template == SENTENCES["not handed in"]:
            name = f"{said.values['name']}.py"
            return _("hand in {file}, spelled exactly so, beside your other files", file=name)
        if isinstance(said, Message) and said.template == SENTENCES["no such name"]:
            file = f"{folder}/{said.values['name']}.py"
            return _("define `{name}` in {file}, spelled exactly so", name=said.values["name2"], file=file)
        module = (check.files or lab.required)[0][:-3]
        if outcome is not None and outcome.frames:
            return _("mend {place}", place=place(outcome.frames[-1]))
        line = f"{interpreter()} {folder}/{module}.py"
        return _("make `{command}` run without an error", command=line)
    if verdict is Verdict.FORBIDDEN:
        return _("write that part yourself; the handout has the formula")
    if verdict is Verdict.SKIPPED:
        return ""
    if verdict is Verdict.GRADER:
        return _("run it again when this computer has less to do")
    if verdict is Verdict.TIMEOUT:
        if outcome is not None and outcome.frames:
            return _(
                "see whether what stands at {place} ever ends; measure it on a small input",
                place=place(outcome.frames[-1]),
            )
        return _("see whether every loop ends; measure the call on a small input")
    if too_slow:
        return command("check", lab.name, "--only", check.id)
    if verdict is Verdict.CRASH:
        return _("run it with NUMBA_BOUNDSCHECK=1: an index outside an array is the usual cause")
    return command("explain", lab.name, check.id)
