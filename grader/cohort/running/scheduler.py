"""Drives a back end through many tasks: never more at once than it is wide, each until its outcome is final."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from grader.cohort.problems import EnvironmentFault, Refusal
from grader.cohort.running.tasks import Backend, Outcome, State, Task

LOOK_S = 0.5
# A key that another process holds is asked for again after this time.
BUSY_WAIT_S = 1.0
# How long a run goes on where no processor is to be had and nothing of its own is at work. Who has been running for
# so long has some.
CROWDED_LIMIT_S = 120.0
AT_WORK_S = 30.0
# A key whose process does not even come to claim it; the fault is this host's then.
MAX_TRIES = 5
FINAL = (State.DONE, State.FAILED)


@dataclass
class Summary:
    """What came of a run. ``failed`` are keys; ``troubles`` has one line for each try that failed."""

    done: int = 0
    failed: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


Settle = Callable[[list[tuple[Task, Outcome]]], None]


def drive(tasks: Iterable[Task], backend: Backend, settle: Settle) -> Summary:
    """Run all tasks; ``settle`` gets what is final, in batches, while others run.

    Raises
    ------
    EnvironmentFault, Refusal : nothing more was handed out; what was running has been waited for and settled.
    """
    waiting = deque(tasks)
    running: dict[str, Task] = {}
    begun: dict[str, float] = {}
    crowded_since: float | None = None
    resting: list[tuple[float, Task]] = []
    summary = Summary()
    tries: Counter[str] = Counter()
    stop: Exception | None = None
    while running or (not stop and (waiting or resting)):
        if not stop:
            _wake(resting, waiting)
            while waiting and len(running) < backend.width:
                task = waiting.popleft()
                running[task.key] = task
                begun[task.key] = time.monotonic()
                backend.submit(task)
        batch = _batch(backend, running)
        settled = []
        for task, outcome in batch:
            if outcome.state in FINAL:
                settled.append((task, outcome))
                summary.done += outcome.state is State.DONE
                if outcome.state is State.FAILED:
                    summary.failed.append(task.key)
            elif outcome.state is State.BUSY:
                resting.append((time.monotonic() + BUSY_WAIT_S, task))
            elif outcome.state is State.CROWDED:
                at = time.monotonic()
                crowded_since = crowded_since or at
                if at - crowded_since < CROWDED_LIMIT_S or any(at - begun[key] > AT_WORK_S for key in running):
                    resting.append((at + BUSY_WAIT_S, task))
                else:
                    stop = stop or EnvironmentFault("{text}", text=outcome.detail)
            elif outcome.state is State.ENVIRONMENT:
                stop = stop or EnvironmentFault("{text}", text=outcome.detail)
            elif outcome.state is State.REFUSED:
                stop = stop or Refusal("{text}", text=outcome.detail)
            else:
                summary.troubles.append(f"{task.key[:12]}: {outcome.detail}")
                tries[task.key] += 1
                if tries[task.key] >= MAX_TRIES:
                    stop = stop or EnvironmentFault(
                        "gradings cannot be started here ({detail}); what is done is kept. Look at the lines "
                        "above, and give the command again",
                        detail=outcome.detail,
                    )
                # At once, so that whoever kills graders is found out before anything else is lost.
                waiting.appendleft(task)
        if settled:
            crowded_since = None
            settle(settled)
    if stop is not None:
        raise stop
    return summary


def _batch(backend: Backend, running: dict[str, Task]) -> list[tuple[Task, Outcome]]:
    """Return what has ended: the next one, and all that have ended with it."""
    found = []
    outcome = backend.next(LOOK_S) if running else None
    if not running:
        time.sleep(LOOK_S)
    while outcome is not None:
        task = running.pop(outcome.key, None)
        if task is not None:
            found.append((task, outcome))
        outcome = backend.next(0.0) if running else None
    return found


def _wake(resting: list[tuple[float, Task]], waiting: deque[Task]) -> None:
    due = [entry for entry in resting if entry[0] <= time.monotonic()]
    for entry in due:
        resting.remove(entry)
        waiting.append(entry[1])
