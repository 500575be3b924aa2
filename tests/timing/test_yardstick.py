"""The yardstick runs as a process of its own and says how long each repeat took."""

import pytest

from grader.timing import yardstick


def test_every_repeat_has_a_time(monkeypatch):
    """Both kinds of work are timed as often as they are repeated."""
    found = yardstick.measure((), {"OMP_NUM_THREADS": "1"})
    assert {name: len(values) for name, values in found.items()} == {
        "calls": yardstick.REPEATS,
        "products": yardstick.REPEATS,
    }
    assert min(min(values) for values in found.values()) > 0


def test_a_yardstick_that_does_not_run_says_so(monkeypatch):
    """Without it nothing can be carried over, and the reason is named."""
    monkeypatch.setattr(yardstick.sys, "executable", "/nowhere/python")
    with pytest.raises(yardstick.YardstickError, match="did not run"):
        yardstick.measure((), {})
