"""Makes of what a submission sent what is compared, in the grader's own process.

Some submissions only ask for work, such as a list of layers for a device. A check of theirs sends what was asked
for, as arrays, and names a function ``derive`` of the lab that does this work with the lab's own code: nothing that
the submission did to the code beside it can change the result. Whatever goes wrong in here fails the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from grader.lab.checks import Case, Check, Unlike
from grader.language.message import Message, sentence
from grader.language.text import printable
from grader.run.answers import shown_value
from grader.verdicts import Verdict

MAX_REASON_CHARACTERS = 300
Arrays = Mapping[str, np.ndarray]


def derive(
    check: Check, case: Case, sent: Arrays, lab: Path | None = None
) -> tuple[Verdict | None, Message | str, Arrays]:
    """Return what follows from the arrays that a check sent: no verdict and arrays, or a verdict with its message.

    Never raises for what a submission sent, and never returns nothing as if it were something. ``lab`` is the lab's
    folder, whose catalogue knows the messages.
    """
    if check.derive is None:
        return None, "", sent
    try:
        found = {name: _usable(name, value) for name, value in check.derive(case, sent).items()}
        if not found:
            raise ValueError("nothing follows from it")
    except Unlike as error:
        # Values may be names that the submission chose.
        values = {name: shown_value(name, str(value)) for name, value in error.values.items()}
        return Verdict.WRONG, Message(error.template, values, lab), {}
    # Anything that was sent may be the cause; an error of the lab's own must not pass either.
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}", MAX_REASON_CHARACTERS)
        return Verdict.OUTPUT, sentence("what the submission sent cannot be used ({reason})", reason=reason), {}
    return None, "", found


def _usable(name: str, value: object) -> np.ndarray:
    array = np.array(value, order="C")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}, expected numbers")
    return array
