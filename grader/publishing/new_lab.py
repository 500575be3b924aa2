"""Writes a complete small lab, which can be published at once and is then changed bit by bit into another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from grader.language.errors import BadInput
from grader.project.places import Project
from grader.project.writing import replaced_folder
from grader.publishing.skeleton import generate

TEMPLATES = Path(__file__).parent / "lab_files"
SUFFIX = ".template"
# Stands for the lab's name in the templates.
PLACEHOLDER = "NAME"
# Where a template lies below the folder of templates, and where it goes.
SOLUTION = "layer.py"


class NewLabError(BadInput):
    """The lab cannot be written; nothing was."""


@dataclass(frozen=True)
class NewLab:
    """The files of a new lab, and what its author does next."""

    files: tuple[Path, ...]
    steps: tuple[str, ...]


def new_lab(project: Project, name: str) -> NewLab:
    """Write the lab ``name``: contract, checks, solution, skeleton, mistakes, variants, handouts and catalogue.

    Raises
    ------
    NewLabError : the name is no identifier of small letters, or something of that name is there.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise NewLabError(
            "{name} cannot be a lab's name; use small letters, digits and underscores, a letter first, such as mlp",
            name=repr(name),
        )
    folders = {"labs": project.root / "labs" / name, "reference": project.reference(name)}
    for folder in folders.values():
        if folder.exists():
            raise NewLabError("{folder} is there already; choose another name, or move it away", folder=folder)
    written = []
    with ExitStack() as placed:
        fresh = {part: placed.enter_context(replaced_folder(folder)) for part, folder in folders.items()}
        for (part, place), content in sorted(_files(name).items()):
            target = fresh[part] / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            written.append(folders[part] / place)
    steps = (
        f"python -m grader publish {name}",
        f"python -m grader grade {name} --submission reference/{name}",
        f"python -m grader kit {name}",
        f"python -m grader lint-lab {name}",
    )
    return NewLab(tuple(written), steps)


def _files(name: str) -> Mapping[tuple[str, str], bytes]:
    """Return the content of every file by ``labs`` or ``reference`` and its place in the lab's folder there."""
    found: dict[tuple[str, str], bytes] = {}
    for part in ("labs", "reference"):
        for file in sorted((TEMPLATES / part).rglob("*")):
            if not file.is_file():
                continue
            place = file.relative_to(TEMPLATES / part).as_posix()
            content = file.read_bytes()
            if place.endswith(SUFFIX):
                place = place.removesuffix(SUFFIX)
                content = re.sub(rf"\b{PLACEHOLDER}\b", name, content.decode("utf-8")).encode("utf-8")
            if place.startswith("variants/"):
                place = f"{place.removesuffix('.py')}/{SOLUTION}"
            found[part, place] = content
    found["labs", SOLUTION] = generate(found["reference", SOLUTION].decode("utf-8")).encode()
    return found
