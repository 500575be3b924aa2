"""One process of the pool: reads tasks from standard input, one a line, and answers each with a line.

``python -m grader.cohort.running.slot_process PARENT THREADS JOBS MODULE``
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from grader.cohort.problems import EnvironmentFault, NoSlot
from grader.cohort.running.household import end_with_parent, household
from grader.cohort.running.perform import Grader, perform
from grader.cohort.running.tasks import Outcome, State, Task


def main() -> None:
    """Serve until the parent closes the pipe or is gone."""
    parent, threads, jobs, module = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with contextlib.suppress(KeyboardInterrupt):
        end_with_parent(parent)
        while line := sys.stdin.readline():
            try:
                grader = Grader(module)
                with household(threads, jobs) as slot, contextlib.closing(grader):
                    while line:
                        _answer(answers, perform(Task.from_json(line), slot, grader))
                        line = sys.stdin.readline()
                return
            except EnvironmentFault as error:
                state = State.CROWDED if isinstance(error, NoSlot) else State.ENVIRONMENT
                _answer(answers, Outcome(Task.from_json(line).key, state, str(error)))


def _answer(stream: object, outcome: Outcome) -> None:
    print(json.dumps(outcome.as_data()), file=stream, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
