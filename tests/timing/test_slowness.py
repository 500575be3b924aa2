"""How much slower a host is follows from the yardstick as it was at publishing and as it is here."""

from __future__ import annotations

import pytest

from grader.project.manifest import Facts
from grader.project.places import Project
from grader.timing import slowness as module
from grader.timing.slowness import slowness, speed_of_host
from grader.timing.yardstick import YardstickError
from tests.golden import ROOT

THERE = {"calls": [0.2, 0.1, 0.9], "products": [5.0]}


@pytest.fixture(scope="module")
def lab():
    """Any lab; its number of threads decides on which processors the yardstick runs."""
    return Project(ROOT).lab("vgg16")


@pytest.mark.parametrize(
    "facts",
    [
        {"yardstick": {"calls": [0.2, 0.1, 0.9]}},
        {"speed": {"gemm_timing": {"yardstick": THERE}}},
        {"layers": {"yardstick": THERE}},
    ],
)
def test_medians_are_compared(lab, monkeypatch, facts):
    """Wherever publishing has kept the yardstick, here over there is the factor."""
    monkeypatch.setattr(module.yardstick, "measure_processor", lambda processors, threads: [0.6, 0.5, 9.0])
    assert slowness(Facts.model_validate(facts), lab, 0) == pytest.approx(3.0)


@pytest.mark.parametrize("facts", [{}, {"speed": {}}, {"layers": None}, {"speed": {"a": {"baseline": {}}}}])
def test_without_a_record_limits_stay(lab, facts):
    """A fixture that keeps no yardstick scales nothing."""
    assert slowness(Facts.model_validate(facts), lab, 0) == 1.0


def test_a_yardstick_that_does_not_run_scales_nothing(lab, monkeypatch):
    """Limits then are those of the host of publishing."""

    def fail(processors, threads):
        raise YardstickError("no")

    monkeypatch.setattr(module.yardstick, "measure_processor", fail)
    assert slowness(Facts(yardstick=THERE), lab, 0) == 1.0


def test_this_host_is_about_as_fast_as_itself(lab):
    """What publishing keeps and what is measured at grading are the same work, by processor time."""
    assert 0.2 < slowness(Facts(yardstick=speed_of_host(lab, 0)), lab, 0) < 5.0
