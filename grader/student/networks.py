"""``grader summary`` in labs with networks of several kinds: a function of the lab's checks runs one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grader.explain.messages import describe_outcome
from grader.lab.checks import Case
from grader.language.translation import _, translated
from grader.project.contract import Lab
from grader.project.places import Project, ProjectError, read_picture
from grader.report.progress import Progress
from grader.run.opening import opened
from grader.run.session import Outcome
from grader.student.demo import has_function
from grader.student.layer_summary import LayerSummary, Summary, shape_of
from grader.student.standing import clickable
from grader.timing.layers import kind_of

LAYERS = "layers"
LIMIT_S = 300.0
RUNS = 7
# Of a network that takes as long as this, one run tells enough.
NS_PER_MS = 1_000_000
SLOW_NS = 2000 * NS_PER_MS


def has_networks(lab: Lab) -> bool:
    """Whether the lab measures its networks by a function of its checks."""
    return lab.facts.measured is not None and has_function(lab, LAYERS)


def of_networks(
    project: Project, lab: Lab, submission: Path, weights: Path | None, progress: Progress, net: str | None
) -> Summary:
    """Describe the layers of a network that the function `layers` of the lab's checks runs.

    Raises
    ------
    ProjectError : the lab measures no network in this way, or none of this name.
    SubmissionError : the submission cannot be collected.
    """
    facts = lab.facts.measured
    if facts is None:
        raise ProjectError("`summary` cannot measure a network of lab {name} layer by layer", name=lab.name)
    by_name = {name.lower(): name for name in facts.networks}
    chosen = by_name.get((net or facts.networks[0]).lower())
    if chosen is None:
        raise ProjectError(
            "lab {name} has no network {net}; there are: {known}",
            name=lab.name,
            net=repr(net),
            known=", ".join(facts.networks),
        )
    case = Case.of(chosen, net=chosen, **_default_picture(lab))
    checks = [check for check in lab.checks.values() if check.slow is facts.resources]
    with opened(project, lab, submission, progress.note, checks=checks, weights=weights) as work:
        progress.step(_("running {net}", net=chosen))
        outcomes = [work.session.layers(case, LIMIT_S)]
        while _is_quick(outcomes[-1]) and len(outcomes) < RUNS:
            outcomes.append(work.session.layers(case, LIMIT_S))
    failed = next((outcome for outcome in outcomes if outcome.verdict is not None), None)
    if failed is not None:
        return Summary((), clickable(describe_outcome(failed, lab.folder), lab, submission))
    others = [name for name in facts.networks if name != chosen]
    notes = [translated(facts.about, lab.folder)] if facts.about else []
    if others:
        notes.append(_("Other networks: `--net {names}`", names=" | ".join(others)))
    return Summary(_with_costs([outcome.outputs for outcome in outcomes]), title=chosen, notes=tuple(notes))


def _default_picture(lab: Lab) -> dict[str, Any]:
    pictures = lab.facts.network.pictures if lab.facts.network is not None else {}
    for name in pictures:
        return {"picture": read_picture(lab.folder / "pictures" / name), "suffix": Path(name).suffix.lower()}
    return {}


def _is_quick(outcome: Outcome) -> bool:
    return outcome.verdict is None and _costs_in(outcome.outputs)[:, 2].sum() < SLOW_NS


def _costs_in(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return a row for each layer: parameters, multiply-adds, nanoseconds; none where what was sent is no table."""
    costs, count = outputs.get("costs", np.empty(0)), len(_names_in(outputs))
    right = costs.dtype.kind in "iu" and costs.shape == (count, 3) and bool((costs >= 0).all())
    return costs.astype(np.float64) if right else np.zeros((0, 3))


def _names_in(outputs: Mapping[str, np.ndarray]) -> list[str]:
    return [name.removesuffix("/shape") for name in outputs if name.endswith("/shape")]


def _with_costs(runs: Sequence[Mapping[str, np.ndarray]]) -> Sequence[LayerSummary]:
    """Describe layers by what the lab's function sent: ``NAME/shape`` of each, then ``costs`` of all."""
    outputs = runs[-1]
    costs = _costs_in(outputs)
    taken = np.median([found[:, 2] for run in runs if len(found := _costs_in(run)) == len(costs)], axis=0)
    total_ns, work = float(taken.sum()) or 1.0, float(costs[:, 1].sum()) or 1.0
    return [
        LayerSummary(
            name,
            kind_of(name, None),
            int(parameters),
            int(multiply_adds),
            float(taken_ns) / NS_PER_MS,
            float(taken_ns) / total_ns,
            multiply_adds / work,
            shape_of(outputs, name),
        )
        for name, (parameters, multiply_adds, _), taken_ns in zip(_names_in(outputs), costs, taken, strict=False)
    ]
