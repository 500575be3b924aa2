"""What a worker adds to a raised error: the student's line in a compiled function, and Python's "Did you mean".

Numba's own text may be 45 lines long, most of them candidates. Kept are what was asked for, why it was refused, and
where: that line becomes a frame like any other.
"""

from __future__ import annotations

import difflib
import linecache
import re
from pathlib import Path
from typing import Any

MAX_MESSAGE_CHARACTERS = 600
MAX_CODE_CHARACTERS = 200
# Told apart by what stands in front: places that an error was met at, innermost first.
PLACE = re.compile(r"(?:typing of [^\n]*? at|[Rr]aised from|lowering [^\n]*? at) (\S+\.py) \((\d+)\)")
SHOWN_PLACE = re.compile(r'File "([^"\n]+\.py)", line (\d+)')
SIGNATURE = re.compile(r">>> ([^\n]+)")
REASON = re.compile(r"(?:Typing|NumbaType|NumbaValue|Unsupported)Error: (?!Failed in)([^\n]+)")
NOISE = re.compile(
    r"Failed in \w+ mode pipeline|During: |File \"|- Resolution failure|There (is|are) \d+ candidate|-? ?Of which"
    r"|This error may have been|No implementation of function|>>>|Overload|Intrinsic|With argument|Rejected as"
)
INSIDE_NUMBA = "failed inside Numba"


def complete(info: dict[str, Any], error: BaseException, student: str) -> dict[str, Any]:
    """Return what is said of an error with what is known of it beyond its text and its frames.

    Parameters
    ----------
    info : as `grader.inside.runner.describe` gives it.
    student : the folder of the submission.
    """
    cause = error.__cause__ if info.get("verdict") == "import" and error.__cause__ else error
    if not isinstance(info.get("frames"), list):
        return info
    if _is_of_numba(cause):
        text, frame = _of_numba(cause, student)
        info = _with_text(info, text)
        if frame is not None and frame not in info["frames"]:
            info = info | {"frames": [*info["frames"], frame]}
    elif suggestion := _suggestion(cause):
        info = _with_text(info, f"{cause}. Did you mean: '{suggestion}'?")
    return info


def _with_text(info: dict[str, Any], text: str) -> dict[str, Any]:
    values = info.get("values")
    if isinstance(values, dict) and "text" in values:
        return info | {"values": values | {"text": text}}
    return info if "said" in info or "required" in info else info | {"message": text}


def _is_of_numba(error: BaseException) -> bool:
    if type(error).__module__.startswith("numba."):
        return True
    return isinstance(error, AssertionError) and not str(error) and "numba" in _innermost_file(error)


def _innermost_file(error: BaseException) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place.tb_frame.f_code.co_filename if place is not None else ""


def _of_numba(error: BaseException, student: str) -> tuple[str, dict[str, Any] | None]:
    """Return the lines of Numba's text that say something, and the student's line in the compiled function."""
    text = str(error)
    if not text:
        return INSIDE_NUMBA, None
    signature, reasons = SIGNATURE.search(text), REASON.findall(text)
    lines = [line.strip() for line in text.splitlines()]
    plain = [line for line in lines if line and not NOISE.match(line)] if signature is None else []
    kept = ([signature.group(1)] if signature else plain[:1]) + reasons[-1:]
    kept += [line for line in lines if line.startswith("- argument")]
    places = [*PLACE.findall(text), *SHOWN_PLACE.findall(text)]
    frame = next((found for file, line in places if (found := _frame(file, int(line), student)) is not None), None)
    return "\n".join(dict.fromkeys(kept))[:MAX_MESSAGE_CHARACTERS] or lines[0], frame


def _frame(file: str, line: int, student: str) -> dict[str, Any] | None:
    path = Path(file) if file.startswith(student) else Path(student) / Path(file).name
    if not path.is_file() or (file.startswith("/") and not file.startswith(student)) or "site-packages" in file:
        return None
    code = linecache.getline(str(path), line).strip()[:MAX_CODE_CHARACTERS]
    return {"file": path.relative_to(student).as_posix(), "line": line, "function": "", "code": code}


def _suggestion(error: BaseException) -> str:
    """Return the name that was probably meant, as Python's own traceback offers it."""
    name = getattr(error, "name", None)
    if not isinstance(name, str) or not isinstance(error, NameError | AttributeError):
        return ""
    if isinstance(error, AttributeError):
        known = set(dir(error.obj)) if getattr(error, "obj", None) is not None else set()
    else:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        known = {*place.tb_frame.f_locals, *place.tb_frame.f_globals} if place is not None else set()
    near = difflib.get_close_matches(name, [item for item in known if isinstance(item, str)], 1, 0.75)
    return near[0] if near and near[0] != name else ""
