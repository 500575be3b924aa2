"""Times the layers of a lab's network when it is published: the solution's, and those of the engine's version."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from grader.lab.checks import Case, Check
from grader.project.contract import Lab
from grader.project.manifest import LayerRecord
from grader.project.solution import write_solution
from grader.publishing.engine import ENGINE_NAME, EngineVersion
from grader.publishing.recording import OpenInSlot, RecordingError
from grader.publishing.speed_bench import REFERENCE
from grader.report.progress import Progress
from grader.run.session import Outcome, Running
from grader.timing.baseline import Yardstick
from grader.timing.layer_record import PASSES
from grader.timing.layers import steps

# Repeats of a pass; no new one is begun after the seconds. Threads that wait for one another are slowed down many
# times by whatever else runs, so that a fast layer needs some repeats until one was not disturbed.
REPEATS = 20
ENOUGH_S = 8.0
LayerSeconds = dict[str, dict[str, float]]


def time_layers(
    lab: Lab,
    reference: Path,
    engine: EngineVersion | None,
    cases: Mapping[str, Sequence[Case]],
    open_watched: OpenInSlot,
    yardstick: Yardstick,
    scratch: Path,
    progress: Progress,
) -> LayerRecord | None:
    """Return the fastest time of every layer, None for a lab without a network; nothing else should run meanwhile.

    Raises
    ------
    RecordingError : a solution does not come through the network's checks.
    """
    network = lab.facts.network
    if network is None or engine is None:
        return None
    before = yardstick()
    passes = dict(zip(PASSES, (network.forward, network.backward), strict=True))
    # Only shapes are sent here, from which nothing can be derived.
    checks = {name: replace(lab.checks[check], derive=None) for name, check in passes.items() if check}
    found: dict[str, LayerSeconds] = {}
    for solution in (REFERENCE, ENGINE_NAME):
        progress.step(f"layers of the {solution}")
        folder = scratch / f"layers-{solution}"
        if solution == REFERENCE:
            write_solution(reference, None, folder)
        else:
            engine.write(folder, exact=False)
        with open_watched(folder) as session:
            found[solution] = _fastest(lab, session, checks, cases)
    after = yardstick()
    both = {work: [*before[work], *after[work]] for work in before}
    return LayerRecord(solutions=found, yardstick=both)


def _fastest(
    lab: Lab, session: Running, checks: Mapping[str, Check], cases: Mapping[str, Sequence[Case]]
) -> LayerSeconds:
    found: LayerSeconds = {}
    ran: set[str] = set()
    for name, check in checks.items():
        # In the worker of the network everything is loaded and compiled before, so that no layer's time holds that.
        for needed in check.needs:
            for case in cases[needed] if needed not in ran else ():
                _run(session, replace(lab.checks[needed], group=check.group, derive=None), case)
        ran |= {*check.needs, check.id}
        fastest: dict[str, float] = {}
        began = time.monotonic()
        for _ in range(REPEATS):
            outcome = _run(session, check, cases[check.id][0])
            for layer, seconds in steps(outcome.arrived_s).items():
                fastest[layer] = min(seconds, fastest.get(layer, seconds))
            if time.monotonic() - began > ENOUGH_S:
                break
        found[name] = {layer: float(f"{seconds:.4g}") for layer, seconds in fastest.items()}
    return found


def _run(session: Running, check: Check, case: Case) -> Outcome:
    outcome = session.run(check, case)
    if outcome.verdict is not None:
        raise RecordingError(
            "a solution ended with {value} in {id} while its layers were timed: {message}",
            value=outcome.verdict.value,
            id=check.id,
            message=outcome.message,
        )
    return outcome
