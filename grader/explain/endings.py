"""Why code ended instead of returning, where its own words do not say it, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.explain.numba_errors import known_error, known_without_values
from grader.language.message import english
from grader.language.translation import _
from grader.run.answers import Frame
from grader.run.session import Outcome
from grader.verdicts import Verdict

# Characters of a hidden case's message that may be repeated.
HARMLESS = 2
MODULE = "<module>"
GUARD = 'if __name__ == "__main__":'
NO_WHOLE_NUMBER = re.compile(
    r"'(numpy\.)?float(64|32)?' object cannot be interpreted as an integer|slice indices must be integers"
    r"|only integers, slices"
)
QUOTIENT = re.compile(r"(?<!/)/(?!/)")
STARTS_PROCESSES = re.compile(
    r"\b(Pool|Process|ProcessPoolExecutor|multiprocessing|fork|subprocess|Popen|system)\b"
)
RELATIVE = re.compile(r"from \.+(?P<module>[\w.]*) ?import")
FROM_PACKAGE = re.compile(r"(?:from|import) (?P<package>[\w.]+)\.(?P<module>\w+)")
NO_MODULE = re.compile(r"No module named '(?P<name>[\w.]+)'")
# Libraries that courses' files import, and that nobody means to hand in.
LIBRARIES = re.compile(
    "cupy|h5py|jax|keras|mindspore|mxnet|onnx|paddle|pandas|requests|skimage|sklearn|sympy|tensorflow|theano|torch"
    "|torchvision"
)
LEAVES = re.compile(r"\b(exit|quit)\(")
OF_NOTEBOOK = re.compile(r"name 'get_ipython' is not defined")
# A line that only makes names known does not run anything for long.
ONLY_NAMES = re.compile(r"(from|import|def|class|@)\b")


@dataclass(frozen=True)
class Cause:
    """Why it ended, and what to do; ``step`` is empty where the general advice holds.

    ``quoted`` are the parts of the error's own message that are repeated in it.
    """

    text: str
    step: str = ""
    quoted: tuple[str, ...] = ()


def why_it_ended(outcome: Outcome, heard: str | None = None) -> Cause | None:
    """Return the cause of an ending, if it follows from the error and its place.

    With ``heard``, the error's message must not be shown: only what stands in the submission's own lines, or is
    no longer than a number, may be repeated of it.
    """
    if outcome.verdict is None:
        return None
    cause = _cause(outcome, english(outcome.message) if heard is None else heard)
    if cause is None or heard is None:
        return cause
    lines = "\n".join(frame.code for frame in outcome.frames)
    if all(part in lines or len(part) <= HARMLESS for part in cause.quoted):
        return cause
    plain = known_without_values(outcome.error_type, heard)
    return Cause(_(plain)) if plain else None


def _cause(outcome: Outcome, said: str) -> Cause | None:
    found: Sequence[Callable[[Outcome, str], Cause | None]] = (
        _leftover, _notebook, _relative_import, _import_from_package, _not_there, _processes, _leaves,
        _while_loading, _numba, _no_whole_number,
    )  # fmt: skip
    return next((cause for ask in found if (cause := ask(outcome, said)) is not None), None)


def place(frame: Frame) -> str:
    """Write a place so that an editor opens it."""
    return f"{frame.file}:{frame.line}"


def _leftover(outcome: Outcome, said: str) -> Cause | None:
    if outcome.verdict is not Verdict.UNFINISHED or not outcome.frames:
        return None
    frame = outcome.frames[-1]
    if not frame.code.startswith("raise NotImplementedError"):
        return None
    return Cause(
        _(
            "`{code}` still stands at {place}: delete it once the hole is written.",
            code=_short(frame),
            place=place(frame),
        )
    )


def _short(frame: Frame) -> str:
    return frame.code.partition("(")[0]


def _notebook(outcome: Outcome, said: str) -> Cause | None:
    in_syntax = outcome.error_type == "SyntaxError" and bool(outcome.frames)
    if not OF_NOTEBOOK.search(said) and not (in_syntax and outcome.frames[-1].code.startswith(("%", "!"))):
        return None
    where = place(outcome.frames[-1]) if outcome.frames else ""
    return Cause(
        _("That line is left from a notebook, and runs only there."), _("delete line {place}", place=where)
    )


def _relative_import(outcome: Outcome, said: str) -> Cause | None:
    if "attempted relative import" not in said or not outcome.frames:
        return None
    frame = outcome.frames[-1]
    found = RELATIVE.search(frame.code)
    if found is None:
        return None
    name = found["module"] or "…"
    text = _("Your files lie side by side and are no package: `from {name} import`, without the dot.", name=name)
    step = _("write `from {name} import …` at {place}", name=name, place=place(frame))
    return Cause(text, step if found["module"] else _("leave out the dot at {place}", place=place(frame)))


def _import_from_package(outcome: Outcome, said: str) -> Cause | None:
    missing = NO_MODULE.search(said)
    if missing is None or not outcome.frames:
        return None
    found = FROM_PACKAGE.search(outcome.frames[-1].code)
    if found is None or not f"{found['package']}.".startswith(f"{missing['name'].partition('.')[0]}."):
        return None
    return Cause(
        _("There is no folder `{name}` beside your files when they are graded.", name=missing["name"]),
        _(
            "import `{module}` without `{package}` at {place}, and hand in {file} if it is yours",
            module=found["module"],
            package=found["package"],
            file=f"{found['module']}.py",
            place=place(outcome.frames[-1]),
        ),
        (missing["name"],),
    )


def _not_there(outcome: Outcome, said: str) -> Cause | None:
    missing = NO_MODULE.search(said)
    if missing is None or "." in missing["name"] or not outcome.frames:
        return None
    if LIBRARIES.fullmatch(missing["name"]):
        text = _("The library `{name}` is not there when this runs.", name=missing["name"])
        return Cause(text, _("remove the import at {place}", place=place(outcome.frames[-1])), (missing["name"],))
    file = f"{missing['name']}.py"
    return Cause(
        _("`{name}` is no library that is there, and {file} is missing.", name=missing["name"], file=file),
        _("hand in {file} beside your other files, or remove the import at {place}", file=file,
          place=place(outcome.frames[-1])),
        (missing["name"],),
    )  # fmt: skip


def _processes(outcome: Outcome, said: str) -> Cause | None:
    refused = outcome.error_type in ("PermissionError", "BlockingIOError", "OSError", "RuntimeError")
    used = [frame for frame in outcome.frames if STARTS_PROCESSES.search(frame.code)]
    if not refused or not used:
        return None
    return Cause(
        _("Starting processes is not possible where this runs: use `prange` of Numba, or threads."),
        _("replace the processes at {place} by `prange` or threads", place=place(used[-1])),
    )


def _leaves(outcome: Outcome, said: str) -> Cause | None:
    if not outcome.frames:
        return None
    # A worker has no `exit` and no `quit`: Python gives them to programs, not to what is imported without `site`.
    named = outcome.error_type == "NameError" and LEAVES.search(outcome.frames[-1].code) is not None
    if outcome.error_type not in ("SystemExit", "KeyboardInterrupt") and not named:
        return None
    return Cause(
        _("The program ends itself there: `exit()` and `sys.exit()` end everything. Return, or raise an error."),
        _("remove the exit at {place}", place=place(outcome.frames[-1])),
    )


def _while_loading(outcome: Outcome, said: str) -> Cause | None:
    """Something ran while a file was being loaded, and took too long or went wrong."""
    started = [frame for frame in outcome.frames if frame.function == MODULE]
    if not started or outcome.error_type in ("SyntaxError", "IndentationError", "TabError"):
        return None
    frame = started[-1]
    if ONLY_NAMES.match(frame.code) or outcome.verdict not in (Verdict.TIMEOUT, Verdict.IMPORT):
        return None
    if outcome.verdict is Verdict.IMPORT and frame == outcome.frames[-1]:
        return None
    text = _(
        "{file} was still loading: line {line} runs whenever it is imported.", file=frame.file, line=frame.line
    )
    if outcome.verdict is Verdict.IMPORT:
        text = _("It happens while {file} is loaded: line {line} runs whenever it is imported.", file=frame.file,
                 line=frame.line)  # fmt: skip
    return Cause(text, _("put what starts at {place} under `{guard}`", place=place(frame), guard=GUARD))


def _numba(outcome: Outcome, said: str) -> Cause | None:
    found = known_error(outcome.error_type, said)
    return None if found is None else Cause(_(found[0], **found[1]), quoted=tuple(found[1].values()))


def _no_whole_number(outcome: Outcome, said: str) -> Cause | None:
    if outcome.error_type not in ("TypeError", "IndexError") or not NO_WHOLE_NUMBER.search(said):
        return None
    if outcome.frames and QUOTIENT.search(outcome.frames[-1].code):
        return Cause(_("`/` gives a float on Python 3: use `//` where a size or an index is computed."))
    return Cause(_("A size or an index is a float: `//` gives whole numbers, `/` does not."))
