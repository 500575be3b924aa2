"""What of a run on a hidden case may be shown: nothing by which a submission could tell what the case is.

Whoever knows the inputs can compute the answers elsewhere and hand in a table of them. So no text of the
submission's making is shown: of an error its type and the submission's own line as it was collected; in the
grader's sentences only values that the lab, or the case's own sizes, already name.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from grader.compare import Finding
from grader.inside.imports import possible_notes
from grader.language.message import Message, Words, english, sentence
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome
from grader.run.vocabulary import LEFT_OUT, Vocabulary
from grader.verdicts import Verdict

# Beyond it a size could be a message; no layer of a lab has such an axis.
LARGEST_AXIS = 9999
OWN_WORDS = sentence("what it says is not shown of hidden cases; `check` shows it of public ones")
UNKNOWN_TYPE = "Exception"


def without_inputs(outcome: Outcome, recorded: RecordedCase, vocabulary: Vocabulary) -> Outcome:
    """Leave out of a run on a hidden case what a submission could use to tell its author what the case is."""
    sizes = _sizes(recorded)
    message = outcome.message
    if isinstance(message, Message):
        message = _without_words(message, vocabulary, sizes)
    elif outcome.verdict is Verdict.UNFINISHED:
        message = message if message in vocabulary.holes else ""
    else:
        message = OWN_WORDS if message else ""
    return replace(
        outcome,
        printed="",
        message=message,
        error_type=outcome.error_type if outcome.error_type in vocabulary.types | {""} else UNKNOWN_TYPE,
        frames=outcome.frames[-1:],
        notes=tuple(note for note in outcome.notes if english(note) in possible_notes()),
        arrived_s={name: moment for name, moment in outcome.arrived_s.items() if name in recorded.expected},
    )


def finding_without_inputs(finding: Finding, recorded: RecordedCase) -> Finding:
    """Leave out of a finding on a hidden case names and sizes by which a submission could tell what the case is."""
    name = finding.output if finding.output in recorded.expected else LEFT_OUT
    seen = finding.seen
    if finding.kind == "shape":
        axes = [int(number) for number in re.findall(r"\d+", english(seen))]
        # An array without entries costs nothing, whatever its other axes are.
        if 0 in axes or max(axes, default=0) > LARGEST_AXIS:
            sizes = _sizes(recorded)
            kept = [str(axis) if axis in sizes else LEFT_OUT for axis in axes]
            seen = f"({', '.join(kept)}{',' if len(kept) == 1 else ''})"
    return replace(finding, output=name, seen=seen)


def _without_words(message: Message, vocabulary: Vocabulary, sizes: frozenset[int]) -> Message:
    def shown(value: Any) -> Any:
        if isinstance(value, Message):
            return _without_words(value, vocabulary, sizes)
        return vocabulary.shown(value, sizes) if isinstance(value, Words) else value

    return replace(message, values={name: shown(value) for name, value in message.values.items()})


def _sizes(recorded: RecordedCase) -> frozenset[int]:
    """Return the numbers that a report names anyway: settings and shapes of the case and of what is expected."""
    arrays = (*recorded.case.arrays.values(), *recorded.expected.values())
    shapes = {axis for array in arrays for axis in np.shape(array)} | {np.ndim(array) for array in arrays}
    settings = {value for value in recorded.case.config.values() if isinstance(value, int)}
    return frozenset({*shapes, *settings, 0, 1, 2})
