"""Parameters that the seed alone does not give, computed once by the reference's ``prepare.py``."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from grader.prepare.resources import prepare_resources, read_resource
from grader.project.contract import ContractError, Lab
from grader.project.places import Project, file_digest
from grader.publishing.record_cache import digest_of_files
from grader.report.progress import Progress

Prepare = Callable[[Path, Mapping[str, np.ndarray]], "dict[str, np.ndarray]"]


def prepare_overrides(project: Project, lab: Lab, reference: Path, progress: Progress) -> None:
    """Write what ``prepare.py`` computes, if the reference has such a file.

    It is run again only if it or the lab's folder has changed, and the file is written only if it changes, so that
    a checkpoint that is already cached stays valid.

    Raises
    ------
    ContractError : ``prepare.py`` cannot be loaded.
    WeightsError : later, when the checkpoint is made, if a parameter has another shape.
    """
    script = reference / "prepare.py"
    if not script.is_file():
        return
    target = project.overrides(lab.name)
    name = lab.facts.network.parameters if lab.facts.network else "checkpoint"
    made_from = digest_of_files([script, *(file for file in lab.folder.rglob("*") if file.is_file())])
    stamp = project.cache / "overrides" / f"{lab.name}-{made_from[:16]}"
    if target.is_file() and stamp.is_file() and stamp.read_text() == file_digest(target):
        return
    progress.step("fitting the last layer")
    spec = importlib.util.spec_from_file_location(f"_prepare_{lab.name}", script)
    if spec is None or spec.loader is None:
        raise ContractError("{script} cannot be loaded", script=script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    prepare: Prepare = module.prepare
    folder = prepare_resources(project, lab, list(lab.checks.values()), None, progress.note)[name]
    fitted = prepare(lab.folder, read_resource(lab.facts.resources[name].kind, folder))
    buffer = io.BytesIO()
    np.savez(buffer, **fitted)  # type: ignore[arg-type]
    if not target.is_file() or target.read_bytes() != buffer.getvalue():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(buffer.getvalue())
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(file_digest(target))
