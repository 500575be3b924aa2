"""What a submission's network consists of and where its time goes: parameters, multiply-adds, time, shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from grader.drawing import draw_layers, style, to_png
from grader.explain.messages import describe_outcome
from grader.lab.checks import CHANNELS_LAST, LAYOUT, Case
from grader.language.translation import _, translated
from grader.prepare.weights import checkpoint_shapes
from grader.project.contract import Lab
from grader.project.fixtures import RecordedCase, read_fixture
from grader.project.places import Project, ProjectError
from grader.report.files import write_bytes
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Session
from grader.score.document import LayerTime
from grader.student.demo import has_demo
from grader.student.layer_summary import LayerSummary, Summary, shape_of
from grader.student.networks import has_networks, of_networks
from grader.student.standing import clickable
from grader.timing.layers import kind_of, layer_times, steps

FORWARD_LIMIT_S = 300.0
# Of a network that only a check runs: its layers are small, so that one call tells nothing.
REPEATS, FEWEST_LAYERS = 7, 3
DEMO_GROUP = "demo"


def summarise(
    project: Project, lab: Lab, submission: Path, weights: Path | None, progress: Progress, net: str | None = None
) -> Summary:
    """Run the submission's network once on the lab's picture and describe its layers.

    The kernels are called on small arrays first, so that the times hold no compilation. Where a lab has no picture,
    the network runs in the check of its forward pass, and everything is said of one of its pictures. A lab with
    several networks runs them by a function of its checks; ``net`` names one of them.

    Raises
    ------
    ProjectError : the lab has no network, or none of this name.
    SubmissionError : the submission cannot be collected.
    """
    if has_networks(lab):
        return of_networks(project, lab, submission, weights, progress, net)
    if net is not None:
        raise ProjectError("lab {name} has one network, and `--net` chooses among several", name=lab.name)
    network = lab.facts.network
    if network is None or not network.pictures or not has_demo(lab):
        return _in_a_check(project, lab, submission, progress)
    picture = lab.folder / "pictures" / next(iter(network.pictures))
    case = Case.of(
        picture.name, picture=np.frombuffer(picture.read_bytes(), dtype=np.uint8), suffix=picture.suffix.lower()
    )
    with opened(project, lab, submission, progress.note, checks=list(lab.checks.values()), weights=weights) as work:
        progress.step(_("compiling"))
        _compile(project, lab, work.session)
        progress.step(_("running on {picture}", picture=picture.name))
        outcome = work.session.demo(case, FORWARD_LIMIT_S)
    if outcome.verdict is not None:
        return Summary((), clickable(describe_outcome(outcome, lab.folder), lab, submission))
    shapes = checkpoint_shapes(lab.facts.resources[network.parameters].options)
    return from_times(layer_times(lab, {network.forward: outcome}), shapes, outcome.outputs)


def _in_a_check(project: Project, lab: Lab, submission: Path, progress: Progress) -> Summary:
    """Describe the layers of the network that a check of the lab runs forward."""
    fixture = read_fixture(project.fixtures(lab.name, "public"), list(lab.checks))
    found = [
        (check, cases[0])
        for check in lab.checks.values()
        if "forward" in check.id and (cases := fixture.checks[check.id]) and _has_layers(cases[0])
    ]
    if not found:
        raise ProjectError("`summary` cannot measure a network of lab {name} layer by layer", name=lab.name)
    check, recorded = found[0]
    with opened(project, lab, submission, progress.note, checks=[check]) as work:
        progress.step(translated(check.title, lab.folder))
        outcomes = [work.session.run(check, recorded.case) for _number in range(1 + REPEATS)]
    failed = next((outcome for outcome in outcomes if outcome.verdict is not None), None)
    if failed is not None:
        return Summary((), clickable(describe_outcome(failed, lab.folder), lab, submission))
    times = [steps(outcome.arrived_s) for outcome in outcomes[1:]]
    middle = {name: float(np.median([seconds[name] for seconds in times])) for name in times[0]}
    return Summary(layers_of(recorded.case, outcomes[-1].outputs, middle))


def _has_layers(recorded: RecordedCase) -> bool:
    shapes = [name for name in recorded.expected if name.endswith("/shape")]
    return len(shapes) >= FEWEST_LAYERS and any("." in name for name in recorded.case.arrays)


def layers_of(
    case: Case, outputs: Mapping[str, np.ndarray], seconds: Mapping[str, float]
) -> Sequence[LayerSummary]:
    """Describe layers by the parameters of a case, ``LAYER.NAME``, and the shapes of what they returned.

    ``seconds`` are those of each layer on the whole case; a summary is of one picture of it.
    """
    total_s, found = sum(seconds.values()) or 1.0, []
    for name, taken_s in seconds.items():
        shape = [int(length) for length in outputs[f"{name}/shape"].reshape(-1)]
        own = [array.shape for key, array in case.arrays.items() if key.partition(".")[0].lower() == name.lower()]
        weight = max(own, key=math.prod, default=())
        # A weight has its outputs behind, as its pictures have their channels.
        inputs = math.prod(weight[:-1] if case.config.get(LAYOUT) == CHANNELS_LAST else weight[1:])
        found.append(
            LayerSummary(
                name,
                kind_of(name, weight or None),
                sum(map(math.prod, own)),
                math.prod(shape[1:]) * inputs if weight else 0,
                1000 * taken_s / max(1, shape[0]),
                taken_s / total_s,
                0.0,
                tuple(shape[1:]),
            )
        )
    work = sum(layer.multiply_adds for layer in found) or 1
    return [replace(layer, work_share=layer.multiply_adds / work) for layer in found]


def from_times(
    times: Sequence[LayerTime], shapes: dict[str, tuple[int, ...]], outputs: Mapping[str, np.ndarray] | None = None
) -> Summary:
    """Join measured times with the shapes of parameters, ``<layer>.<parameter>`` to shape, and those of outputs."""
    work = sum(layer.multiply_adds or 0 for layer in times)
    return Summary(
        [
            LayerSummary(
                layer.name,
                layer.kind,
                sum(int(np.prod(shape)) for name, shape in shapes.items() if name.rpartition(".")[0] == layer.name),
                layer.multiply_adds or 0,
                layer.forward_ms or 0.0,
                layer.forward_share or 0.0,
                (layer.multiply_adds or 0) / work if work else 0.0,
                shape_of(outputs or {}, layer.name),
            )
            for layer in times
        ]
    )


def _compile(project: Project, lab: Lab, session: Session) -> None:
    """Call every quick check once in the worker that will run the network; what comes of it does not matter."""
    quick = [check for check in lab.checks.values() if not check.slow]
    fixture = read_fixture(project.fixtures(lab.name, "public"), [check.id for check in quick])
    for check in quick:
        session.run(replace(check, group=DEMO_GROUP), fixture.checks[check.id][0].case)


def write_picture(summary: Summary, file: Path) -> None:
    """Draw time, multiply-adds and parameters of each layer as bars into a PNG file.

    Raises
    ------
    DrawingError : matplotlib is not installed.
    ReportError : the file cannot be written.
    """
    layers = summary.layers
    with style():
        columns = {
            _("time (ms)"): [layer.ms for layer in layers],
            _("multiply-adds (millions)"): [layer.multiply_adds / 1e6 for layer in layers],
            _("parameters (thousands)"): [layer.parameters / 1e3 for layer in layers],
        }
        kinds = [translated(layer.kind) for layer in layers]
        data = to_png(draw_layers([layer.name for layer in layers], kinds, columns))
    write_bytes(file, data)
