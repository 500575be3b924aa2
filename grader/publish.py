"""Publishes a lab: records its public and hidden fixtures from the reference."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from grader.contract import ContractError, Lab
from grader.fixtures import write_fixture
from grader.grading import versions
from grader.progress import Progress
from grader.project import Project
from grader.recording import (
    Recording,
    make_cases,
    measure_spread,
    record,
    relative_tolerances,
    with_tolerances,
)
from grader.resources import prepare_resources
from grader.weights import checkpoint_shapes, read_checkpoint

KINDS = ("public", "hidden")
Prepare = Callable[[Path, Mapping[str, np.ndarray]], "dict[str, np.ndarray]"]


@dataclass(frozen=True)
class Published:
    """What was published: the release and the folder and number of cases of each kind."""

    release: str
    folders: Mapping[str, Path]
    cases: Mapping[str, int]


def publish(project: Project, lab: Lab, *, seed: int | None, weights: Path | None, progress: Progress) -> Published:
    """Record the fixtures of ``lab`` from its reference and write them.

    ``seed`` makes the hidden cases; a fresh one is drawn if it is None. The public cases have a seed of their own
    that follows from the lab's name and version, so they change only when the lab does.

    Raises
    ------
    ContractError : the lab has no reference.
    RecordingError : the reference does not get through a check.
    """
    reference = project.reference(lab.name)
    if not reference.is_dir():
        raise ContractError(f"{reference}: missing; publishing records what the reference returns")
    hidden_seed = secrets.randbits(63) if seed is None else seed
    seeds = {"public": _public_seed(lab), "hidden": hidden_seed}
    if weights is None:
        _prepare_overrides(project, lab, reference, progress)
    resources = prepare_resources(project, lab, list(lab.checks.values()), weights, progress.note)
    variants = sorted(folder for folder in (reference / "variants").glob("*") if folder.is_dir())
    cases = {kind: make_cases(lab, seeds[kind]) for kind in KINDS}
    recordings: dict[str, Recording] = {}
    spreads: dict[tuple[str, str], float] = {}
    for kind in KINDS:
        recordings[kind] = record(lab, reference, cases[kind], resources, progress)
        for pair, error in measure_spread(lab, recordings[kind], recordings[kind]).items():
            spreads[pair] = max(error, spreads.get(pair, 0.0))
    for variant in variants:
        other = record(lab, variant, cases["hidden"], resources, progress)
        for pair, error in measure_spread(lab, recordings["hidden"], other).items():
            spreads[pair] = max(error, spreads.get(pair, 0.0))
    tolerances = relative_tolerances(lab, spreads)
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    release = f"{lab.name}-{lab.facts.version}-{moment}"
    folders = {}
    for kind in KINDS:
        folders[kind] = project.fixtures(lab.name, kind, weights)
        write_fixture(
            folders[kind],
            lab=lab.name,
            lab_version=lab.facts.version,
            kind=kind,
            release=release,
            checks=with_tolerances(lab, cases[kind], recordings[kind], tolerances),
            facts={
                "seed": seeds[kind],
                "versions": versions(),
                "variants": [variant.name for variant in variants],
                "spread": {f"{name}:{output}": error for (name, output), error in spreads.items()},
            },
        )
    return Published(release, folders, {kind: sum(len(part) for part in cases[kind].values()) for kind in KINDS})


def _public_seed(lab: Lab) -> int:
    digest = hashlib.sha256(f"public:{lab.name}:{lab.facts.version}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


def _prepare_overrides(project: Project, lab: Lab, reference: Path, progress: Progress) -> None:
    """Let the reference's ``prepare.py`` compute parameters that the seed alone does not give.

    The file is written only if it changes, so that a checkpoint that is already cached stays valid.
    """
    script = reference / "prepare.py"
    if not script.is_file():
        return
    progress.step("fitting the last layer")
    spec = importlib.util.spec_from_file_location(f"_prepare_{lab.name}", script)
    if spec is None or spec.loader is None:
        raise ContractError(f"{script} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    prepare: Prepare = module.prepare
    target = project.overrides(lab.name)
    resource = lab.facts.resources[lab.facts.network.parameters if lab.facts.network else "checkpoint"]
    shapes = checkpoint_shapes(resource.options)
    folder = prepare_resources(project, lab, list(lab.checks.values()), None, progress.note)["checkpoint"]
    fitted = prepare(lab.folder, read_checkpoint(folder))
    for name, array in fitted.items():
        if shapes.get(name) != array.shape:
            raise ContractError(f"{script}: {name} has shape {array.shape}, expected {shapes.get(name)}")
    buffer = io.BytesIO()
    np.savez(buffer, **fitted)  # type: ignore[arg-type]
    if not target.is_file() or target.read_bytes() != buffer.getvalue():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(buffer.getvalue())
