"""Prepares the large inputs of a lab, such as a network's checkpoint, before a box is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grader.lab.checks import Check
from grader.prepare.convert import converted_checkpoint
from grader.prepare.downloads import KIND as DOWNLOAD
from grader.prepare.downloads import downloaded
from grader.prepare.matconvnet import matconvnet_checkpoint, read_parameters
from grader.prepare.weights import Note, checkpoint_shapes, read_checkpoint, seeded_checkpoint
from grader.project.contract import ContractError, Lab
from grader.project.places import Project


def prepare_resources(
    project: Project, lab: Lab, checks: Sequence[Check], weights: Path | None, note: Note
) -> dict[str, Path]:
    """Return the folder of every resource that checks use; none if only checks without need of one are run.

    Downloads are for experiments only.

    Raises
    ------
    ContractError : ``lab.yaml`` names a kind of resource that does not exist.
    WeightsError : a checkpoint cannot be made or read.
    """
    if not any(check.slow for check in checks):
        return {}
    made_here = [name for name, resource in lab.facts.resources.items() if resource.kind != DOWNLOAD]
    return prepare_named(project, lab, made_here, weights, note)


def prepare_named(
    project: Project,
    lab: Lab,
    names: Sequence[str],
    weights: Path | None,
    note: Note,
    *,
    partial: bool = False,
    trained: Path | None = None,
) -> dict[str, Path]:
    """Return the folders of the named resources of the lab.

    With ``partial`` a file of weights may lack the last layers, where its kind allows it. ``trained`` has
    parameters of the first layers in place of the seeded ones; a file of weights comes before it.

    Raises
    ------
    ContractError, WeightsError : as for `prepare_resources`.
    """
    overrides = project.overrides(lab.name)
    folders = {}
    for name in names:
        resource = lab.facts.resources[name]
        if resource.kind == "checkpoint":
            shapes = checkpoint_shapes(resource.options)
            seed = int(resource.options.get("seed", 0))
            if weights is not None:
                folders[name] = converted_checkpoint(project.cache, weights, shapes, note)
            else:
                folders[name] = seeded_checkpoint(project.cache, shapes, seed, trained or overrides, note)
        elif resource.kind == "matconvnet":
            folders[name] = matconvnet_checkpoint(
                project.cache, resource.options, weights, overrides, note, partial=partial, trained=trained
            )
        elif resource.kind == DOWNLOAD:
            folders[name] = downloaded(project, lab, name)
        else:
            raise ContractError(
                "{folder}/lab.yaml: resource {name} has unknown kind {kind}",
                folder=lab.folder,
                name=name,
                kind=repr(resource.kind),
            )
    return folders


def read_resource(kind: str, folder: Path) -> dict[str, np.ndarray]:
    """Return the parameters of a resource that was made here, ``<layer>.<parameter>`` to arrays."""
    return read_parameters(folder) if kind == "matconvnet" else read_checkpoint(folder)
