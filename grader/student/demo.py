"""``grader run``: the student's own main.py and network on a picture, in the jail like everything of theirs."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.explain.messages import describe_outcome
from grader.lab.checks import Case
from grader.language.translation import _
from grader.project.contract import CHECKS_NAME, Lab
from grader.project.places import Project, ProjectError, read_picture
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Outcome
from grader.student.standing import clickable
from grader.timing.layers import steps

DEMO = "demo"
DEMO_LIMIT_S = 300.0
MS_PER_S = 1000.0
BAR_WIDTH = 24
CLASSES_SHOWN = 5


@dataclass(frozen=True)
class Demo:
    """What running on one picture gave.

    ``synthetic`` is whether with seeded weights, not with a course's own; ``weights`` is where they lie.
    """

    picture: Path
    classes: tuple[str, ...]
    outcome: Outcome
    message: str = ""
    synthetic: bool = False
    weights: Path | None = None

    @property
    def ran(self) -> bool:
        """Whether it ran to the end and returned usable logits."""
        return not self.message

    def render(self, console: Console) -> None:
        """Print class, probabilities and the time of each layer, or what went wrong."""
        if self.message:
            console.print(Text(self.message), soft_wrap=True)
            return
        probabilities = probabilities_in(self.outcome)
        line = Text(f"{self.picture.name}: {self.classes[int(np.argmax(probabilities))]}", style="bold")
        if self.synthetic:
            line.append(
                "  " + _("(synthetic weights: they know the lab's own pictures and nothing else)"), "yellow"
            )
        console.print(line, soft_wrap=True)
        for index in np.argsort(-probabilities, kind="stable")[:CLASSES_SHOWN]:
            bar = "#" * round(probabilities[index] * BAR_WIDTH)
            line = Text(f"  {self.classes[index][:40]:<14}{probabilities[index]:7.1%}  ")
            # On each line: one that is copied alone must not pass for what a trained network says.
            if self.synthetic:
                line.append(_("synthetic") + "  ", "yellow")
            console.print(line.append(bar), soft_wrap=True)
        seconds = steps(self.outcome.arrived_s)
        total = sum(seconds.values()) or 1.0
        table = Table(box=None, pad_edge=False)
        table.add_column(_("layer"))
        table.add_column("ms", justify="right")
        table.add_column(_("share"), justify="right")
        for name, value in seconds.items():
            table.add_row(Text(name), f"{value * MS_PER_S:.1f}", f"{value / total:.1%}")
        console.print(table)
        console.print(
            Text(
                _(
                    "forward pass: {seconds} s (compiling included, if this was the first call)",
                    seconds=f"{total:.2f}",
                )
            )
        )
        if self.weights is not None:
            # A course's own program takes them from there.
            console.print(Text(_("weights: {place}", place=self.weights)), soft_wrap=True)


def probabilities_in(outcome: Outcome) -> np.ndarray:
    """Return the probabilities that a network gave, or those of its logits; empty if it gave neither."""
    if "probabilities" in outcome.outputs:
        return outcome.outputs["probabilities"].reshape(-1).astype(np.float64)
    logits = outcome.outputs.get("logits", np.empty(0))
    return softmax(logits.reshape(-1)) if logits.size else logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities for a vector of logits."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(exponentials / exponentials.sum())


def has_demo(lab: Lab) -> bool:
    """Whether the lab says how a submission's network runs on one picture: by a function ``demo`` of its checks."""
    return has_function(lab, DEMO)


def has_function(lab: Lab, name: str) -> bool:
    """Whether the lab's checks define or import a function of this name; nothing of them is run."""
    tree = ast.parse((lab.folder / CHECKS_NAME).read_text(encoding="utf-8"))
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == name)
        or (isinstance(node, ast.ImportFrom) and any((known.asname or known.name) == name for known in node.names))
        for node in tree.body
    )


def run_demo(
    project: Project, lab: Lab, submission: Path, picture: Path | None, weights: Path | None, progress: Progress
) -> Demo:
    """Run the submission on ``picture`` (default: the first picture of the lab).

    Raises
    ------
    ProjectError : the lab has no network to run, or the picture cannot be read.
    SubmissionError : the submission cannot be collected.
    """
    if lab.facts.network is None or not lab.facts.network.pictures or not has_demo(lab):
        raise ProjectError("lab {name} has no network to run on a picture", name=lab.name)
    chosen = picture or lab.folder / "pictures" / next(iter(lab.facts.network.pictures))
    case = Case.of(chosen.name, picture=read_picture(chosen), suffix=chosen.suffix.lower())
    with opened(project, lab, submission, progress.note, checks=list(lab.checks.values()), weights=weights) as work:
        progress.step(_("running on {picture}", picture=chosen.name))
        outcome = work.session.demo(case, DEMO_LIMIT_S)
    place = work.resources.get(lab.facts.network.parameters)
    if place is not None and place.is_dir():
        # A folder of one file is there for the sake of that file.
        files = [file for file in place.iterdir() if file.suffix == ".mat"]
        place = files[0] if files else place
    message = ""
    if outcome.verdict is not None:
        message = clickable(describe_outcome(outcome, lab.folder), lab, submission)
    elif probabilities_in(outcome).size != len(lab.classes):
        message = _("the network did not return {count} numbers, one for each class", count=len(lab.classes))
    return Demo(chosen, lab.classes, outcome, message, synthetic=weights is None, weights=place)
