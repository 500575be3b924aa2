"""What a submission's network consists of and where its time goes: parameters, multiply-adds, time, shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.drawing import draw_layers, style, to_png
from grader.explain.messages import describe_outcome
from grader.lab.checks import Case
from grader.language.translation import _, translated
from grader.prepare.weights import checkpoint_shapes
from grader.project.contract import Lab
from grader.project.fixtures import read_fixture
from grader.project.places import Project, ProjectError
from grader.report.files import write_bytes
from grader.report.look import Look
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Session
from grader.score.document import LayerTime
from grader.timing.layers import layer_times

FORWARD_LIMIT_S = 300.0
BAR_WIDTH = 16
DEMO_GROUP = "demo"


@dataclass(frozen=True)
class LayerSummary:
    """One layer: multiply-adds of one picture, ``ms`` on the grader's clock, shares from 0 to 1."""

    name: str
    kind: str
    parameters: int
    multiply_adds: int
    ms: float
    time_share: float
    work_share: float


@dataclass(frozen=True)
class Summary:
    """All layers of a network in order; ``message`` says why there are none."""

    layers: Sequence[LayerSummary]
    message: str = ""

    def render(self, console: Console) -> None:
        """Print the table with totals, and which layer and which kind of layer holds most of each."""
        if self.message:
            console.print(Text(self.message), soft_wrap=True)
            return
        table = Table(box=None, pad_edge=False)
        for title in (_("layer"), _("kind")):
            table.add_column(title, no_wrap=True)
        for title in (_("parameters"), _("multiply-adds"), "ms", _("share")):
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("", width=BAR_WIDTH)
        look = Look.of(console)
        largest = max((layer.time_share for layer in self.layers), default=0.0) or 1.0
        for layer in self.layers:
            table.add_row(
                Text(layer.name),
                Text(translated(layer.kind), style="dim"),
                f"{layer.parameters:,}" if layer.parameters else "",
                f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
                f"{layer.ms:.1f}",
                f"{layer.time_share:.1%}",
                Text(look.bar(layer.time_share / largest, BAR_WIDTH), style="cyan"),
            )
        table.add_section()
        table.add_row(
            Text(_("total"), style="bold"),
            "",
            f"{sum(layer.parameters for layer in self.layers):,}",
            f"{sum(layer.multiply_adds for layer in self.layers):,}",
            f"{sum(layer.ms for layer in self.layers):.1f}",
        )
        console.print(table)
        for line in self.remarks():
            console.print(Text(line), soft_wrap=True)

    def remarks(self) -> list[str]:
        """Say which layer and which kind of layer holds most of the parameters, of the work, of the time."""
        lines = []
        told = (
            ("parameters", _("Most parameters: {layer} with {share}; all {kind} layers together: {kind_share}")),
            (
                "multiply_adds",
                _("Most multiply-adds: {layer} with {share}; all {kind} layers together: {kind_share}"),
            ),
            ("ms", _("Most time: {layer} with {share}; all {kind} layers together: {kind_share}")),
        )
        for attribute, sentence in told:
            sizes = {layer.name: float(getattr(layer, attribute)) for layer in self.layers}
            kinds: dict[str, float] = {}
            for layer in self.layers:
                kinds[layer.kind] = kinds.get(layer.kind, 0.0) + sizes[layer.name]
            total = sum(sizes.values())
            most, kind = max(sizes, key=lambda name: sizes[name]), max(kinds, key=lambda name: kinds[name])
            if total:
                share, kind_share = f"{sizes[most] / total:.0%}", f"{kinds[kind] / total:.0%}"
                lines.append(sentence.format(layer=most, share=share, kind=translated(kind), kind_share=kind_share))
        return lines


def summarise(project: Project, lab: Lab, submission: Path, weights: Path | None, progress: Progress) -> Summary:
    """Run the submission's network once on the lab's picture and describe its layers.

    The kernels are called on small arrays first, so that the times hold no compilation.

    Raises
    ------
    ProjectError : the lab has no network.
    SubmissionError : the submission cannot be collected.
    """
    network = lab.facts.network
    if network is None or not network.pictures:
        raise ProjectError("lab {name} has no network to measure on a picture", name=lab.name)
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
        return Summary((), describe_outcome(outcome, lab.folder))
    shapes = checkpoint_shapes(lab.facts.resources[network.parameters].options)
    return from_times(layer_times(lab, {network.forward: outcome}), shapes)


def from_times(times: Sequence[LayerTime], shapes: dict[str, tuple[int, ...]]) -> Summary:
    """Join measured times with the shapes of the parameters, ``<layer>.<parameter>`` to shape."""
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
