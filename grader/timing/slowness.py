"""How many times slower this host is than the one on which a lab was published: limits on time are scaled by it."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from grader.jail.host import processors
from grader.jail.layout import thread_counts
from grader.project.contract import Lab
from grader.project.manifest import Facts
from grader.timing import yardstick
from grader.timing.yardstick import Seconds, YardstickError

WORK = "calls"


def slowness(facts: Facts, lab: Lab, slot: int) -> float:
    """Return the factor by one work of the yardstick; 1 where the fixture's ``facts`` or this host do not tell.

    Here it is processor time that counts: a busy host is not a slow one.
    """
    recorded = next(_recorded(facts), None)
    if recorded is None:
        return 1.0
    try:
        here = speed_of_host(lab, slot)[WORK]
    except YardstickError:
        return 1.0
    return median(here) / median(recorded)


def speed_of_host(lab: Lab, slot: int) -> Seconds:
    """Return what publishing keeps of this host for that purpose.

    Raises
    ------
    YardstickError : the yardstick does not run.
    """
    threads = lab.facts.limits.threads
    return {WORK: yardstick.measure_processor(processors(slot, threads), thread_counts(threads))}


def _recorded(facts: Facts) -> Iterator[list[float]]:
    """Yield what publishing measured, the yardstick's own record first, then those beside other times."""
    for place in (facts, *facts.speed.values(), facts.layers):
        if place is not None and place.yardstick.get(WORK):
            yield place.yardstick[WORK]
