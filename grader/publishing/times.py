"""Everything that publishing times: checks in which speed counts, and the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader.jail import Arithmetic
from grader.jail.scratch import scratch_folder
from grader.jail.slots import claim_slot
from grader.lab.checks import Case
from grader.prepare.resources import prepare_resources
from grader.project.contract import ContractError, Lab
from grader.project.fixtures import read_fixture, replace_facts
from grader.project.manifest import Facts, LayerRecord, SpeedRecord
from grader.project.places import Project
from grader.project.solution import variants_of
from grader.publishing.certificate import SpeedRow
from grader.publishing.engine import EngineVersion, engine_version, package_files
from grader.publishing.layer_bench import time_layers
from grader.publishing.recording import OpenSession, RecordingError
from grader.publishing.speed_bench import SpeedBench, speed_condition
from grader.report.progress import Progress
from grader.run.opening import lay_out_given, open_session
from grader.run.session import Running, Session
from grader.timing.baseline import yardstick_for
from grader.timing.slowness import speed_of_host
from grader.timing.yardstick import Seconds

KINDS = ("public", "hidden")
RUNNER, STOPWATCH = "grader.inside.runner", "grader.inside.stopwatch"


@dataclass(frozen=True)
class Times:
    """What was measured: of each timed check, its rows in the certificate, of the network's layers, of the host."""

    checks: Mapping[str, SpeedRecord]
    rows: Sequence[SpeedRow]
    layers: LayerRecord | None
    yardstick: Seconds

    def facts(self) -> Facts:
        """Return what a fixture keeps of them."""
        layers = {} if self.layers is None else {"layers": self.layers}
        return Facts(yardstick=self.yardstick, speed=dict(self.checks), **layers)

    def lines(self) -> list[str]:
        """Say in a few lines what was measured."""
        found = [f"{row.check}: {row.solution} {row.seconds:.3g} s" for row in self.rows]
        for solution, passes in (self.layers.solutions if self.layers is not None else {}).items():
            times = [f"{name} {1000 * sum(layers.values()):.4g} ms" for name, layers in passes.items()]
            found.append(f"layers of the {solution}: {', '.join(times)}")
        return found or ["this lab has nothing that is timed"]


def opener(
    lab: Lab, resources: Mapping[str, Path], handler: str = RUNNER, arithmetic: Arithmetic | None = None
) -> OpenSession:
    """Return what starts a box for a solution in a slot; the engine beside it may import what it needs."""

    def open_solution(folder: Path, slot: int) -> Session:
        free = package_files(folder)
        lay_out_given(lab, folder)
        return open_session(lab, folder, resources, slot=slot, handler=handler, free=free, arithmetic=arithmetic)

    return open_solution


def measure_times(
    lab: Lab,
    reference: Path,
    engine: EngineVersion | None,
    cases: Mapping[str, Sequence[Case]],
    resources: Mapping[str, Path],
    scratch: Path,
    progress: Progress,
) -> Times:
    """Time the solution, its variants and the engine, one after the other; nothing else should run meanwhile.

    Raises
    ------
    RecordingError : one of them does not come through.
    """
    variants = variants_of(reference)
    with claim_slot(lab.facts.limits.threads) as slot:
        opened = partial(_open_in, opener(lab, resources), slot)
        watched = partial(_open_in, opener(lab, resources, STOPWATCH), slot)
        yardstick = yardstick_for(lab, slot)
        records, rows = SpeedBench(
            lab=lab,
            reference=reference,
            variants=variants,
            cases=cases,
            open_session=opened,
            open_watched=watched,
            yardstick=yardstick,
            scratch=scratch,
            progress=progress,
            engine=engine,
        ).run()
        layers = time_layers(lab, reference, engine, cases, watched, yardstick, scratch, progress)
        speed = speed_of_host(lab, slot)
    return Times(records, rows, layers, speed)


def _open_in(open_session: OpenSession, slot: int, folder: Path) -> AbstractContextManager[Running]:
    return open_session(folder, slot)


def time_again(project: Project, lab: Lab, weights: Path | None, progress: Progress) -> Times:
    """Measure the times of published fixtures anew, on this machine; nothing else of them changes.

    The certificate keeps the times of its proof.

    Raises
    ------
    ContractError : the lab has no reference.
    FixtureError : there are no fixtures, or they are damaged.
    RecordingError : a solution does not come through, or a bound on speed is not fair here.
    """
    reference = project.reference(lab.name)
    if not reference.is_dir():
        raise ContractError("{reference}: missing; it is what is timed", reference=reference)
    folders = [project.fixtures(lab.name, kind, weights) for kind in KINDS]
    hidden = read_fixture(project.fixtures(lab.name, "hidden", weights))
    cases = {check: [recorded.case for recorded in found] for check, found in hidden.checks.items()}
    resources = prepare_resources(project, lab, list(lab.checks.values()), weights, progress.note)
    engine = engine_version(project, lab, resources)
    with scratch_folder("timing") as scratch:
        times = measure_times(lab, reference, engine, cases, resources, scratch, progress)
    if times.rows and not (condition := speed_condition(times.rows)).holds:
        raise RecordingError(
            "the times of {name} were left as they are: {name2}: {detail}",
            name=lab.name,
            name2=condition.name,
            detail=condition.detail,
        )
    for folder in folders:
        replace_facts(folder, times.facts())
    return times
