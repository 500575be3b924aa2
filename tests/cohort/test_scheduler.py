"""What the scheduler does where a host has no processors left."""

from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from grader.cohort.problems import EnvironmentFault
from grader.cohort.running import scheduler
from grader.cohort.running.scheduler import drive
from grader.cohort.running.tasks import Outcome, State


class Host:
    """A back end of one place, which answers as it is told, task by task, and is done with the rest."""

    width = 1

    def __init__(self, *answers):
        self.answers = iter(answers)
        self.waiting = []

    def submit(self, task):
        """Take a task."""
        self.waiting.append(task.key)

    def next(self, timeout_s):
        """Answer the task that came first."""
        if not self.waiting:
            return None
        return Outcome(self.waiting.pop(0), next(self.answers, State.DONE), "all slots are taken")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is waited for long."""
    monkeypatch.setattr(scheduler, "BUSY_WAIT_S", 0.0)
    monkeypatch.setattr(scheduler, "LOOK_S", 0.01)


def driven(host, keys):
    """Drive tasks with these keys; return what was settled."""
    settled = []
    tasks = [SimpleNamespace(key=key) for key in keys]
    drive(tasks, host, lambda batch: settled.extend(task.key for task, _outcome in batch))
    return settled


def test_a_crowded_host_is_asked_again():
    """A task that found no slot is given out again, and a run in which others go on does not end by it."""
    assert sorted(driven(Host(State.CROWDED, State.DONE, State.CROWDED), "abc")) == ["a", "b", "c"]


def test_a_host_that_stays_crowded_ends_the_run(monkeypatch):
    """Where no slot comes free and nothing is at work, the run ends and says why."""
    monkeypatch.setattr(scheduler, "CROWDED_LIMIT_S", 0.1)
    host = Host()
    host.answers = chain([State.DONE], repeat(State.CROWDED))
    with pytest.raises(EnvironmentFault, match="all slots are taken"):
        driven(host, "ab")
