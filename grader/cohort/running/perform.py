"""One task from claim to document, in whatever process a back end runs it; knows nothing of how grading works."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from grader.cohort.problems import EnvironmentFault, Refusal
from grader.cohort.running.journal import MAX_DEATHS, NO_SPACE, Busy, Claim, Journal
from grader.cohort.running.tasks import Outcome, State, Task

# ``grade(task, slot)`` returns the document as JSON text; ``give_up(task, reason)`` one with the verdict `grader`.
Grade = Callable[[Task, int], str]
GiveUp = Callable[[Task, str], str]
ENDED = "it has ended the grader twice"


class Grader:
    """How a task is graded: a module with the functions ``grade`` and ``give_up``.

    ``close``, if it has one, gives back what it keeps between tasks.
    """

    def __init__(self, module: str) -> None:
        found = importlib.import_module(module)
        self.grade: Grade = found.grade
        self.give_up: GiveUp = found.give_up
        self.close: Callable[[], None] = getattr(found, "close", lambda: None)


def perform(task: Task, slot: int, grader: Grader) -> Outcome:
    """Grade a task unless that was done before; its document is on the disk when this returns ``done``."""
    journal = Journal(Path(task.classroom))
    try:
        journal.open()
        if not task.again and journal.document(task.key) is not None:
            return Outcome(task.key, State.DONE)
        with journal.claim(task.key, task.session, slot) as claim:
            return _claimed(task, slot, grader, journal, claim)
    except Busy:
        return Outcome(task.key, State.BUSY)
    except EnvironmentFault as error:
        return Outcome(task.key, State.ENVIRONMENT, str(error))
    except Refusal as error:
        return Outcome(task.key, State.REFUSED, str(error))
    except Exception as error:
        return Outcome(task.key, State.FAULT, f"{type(error).__name__}: {error}")


def _claimed(task: Task, slot: int, grader: Grader, journal: Journal, claim: Claim) -> Outcome:
    # Whoever held the key before may have finished it.
    if not task.again and journal.document(task.key) is not None:
        return Outcome(task.key, State.DONE)
    journal.require_space()
    if claim.hopeless:
        journal.write(task.key, grader.give_up(task, ENDED))
        return Outcome(task.key, State.FAILED, ENDED)
    try:
        text = grader.grade(task, slot)
    except (Refusal, EnvironmentFault):
        raise
    except Exception as error:
        # A full disk shows itself in many ways, and none of them is the submission's fault.
        journal.require_space()
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise EnvironmentFault("{error}; nothing was lost", error=error) from None
        if claim.deaths + 1 < MAX_DEATHS:
            raise
        reason = f"{type(error).__name__}: {error}"
        journal.write(task.key, grader.give_up(task, reason))
        return Outcome(task.key, State.FAILED, reason)
    journal.write(task.key, text)
    return Outcome(task.key, State.DONE)
