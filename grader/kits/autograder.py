"""Builds the archive that is uploaded to Gradescope: scripts, grader, lab and hidden fixtures, but no solution."""

from __future__ import annotations

import json
from pathlib import Path

from grader.kits.import_closure import needed_files
from grader.kits.kit import KitError, WrittenKit, dependencies
from grader.kits.leaks import find_leaks, secrets_of
from grader.language.translation import chosen
from grader.project.contract import Lab
from grader.project.packing import read_tree, write_zip
from grader.project.places import Project

TEMPLATES = Path(__file__).parent / "autograder_files"
SCRIPTS = ("setup.sh", "run_autograder")
ROOTS = ("grader.kits.autograder_run",)


def autograder_files(project: Project, lab: Lab, *, allow_weak_jail: bool = False) -> dict[str, bytes]:
    """Return every file of the archive by its path; it will speak the language that is chosen now.

    Raises
    ------
    KitError : the lab has no hidden fixtures, or a part of its solution would be in the archive.
    """
    hidden = project.fixtures(lab.name, "hidden")
    if not hidden.is_dir():
        raise KitError(
            "{hidden}: missing; publish the lab first: python -m grader publish {name}",
            hidden=hidden,
            name=lab.name,
        )
    files = {path: file.read_bytes() for path, file in needed_files(Path(__file__).parents[1], ROOTS).items()}
    files |= read_tree(lab.folder, f"labs/{lab.name}")
    files |= read_tree(hidden, f"fixtures/{lab.name}/hidden")
    overrides = project.overrides(lab.name)
    if overrides.is_file():
        files[overrides.relative_to(project.root).as_posix()] = overrides.read_bytes()
    for name in SCRIPTS:
        files[name] = (TEMPLATES / f"{name}.template").read_bytes()
    wanted = [line.rstrip(",").strip('"') for line in dependencies(project.root / "pyproject.toml")]
    files["requirements.txt"] = ("\n".join(wanted) + "\n").encode()
    settings = {"lab": lab.name, "allow_weak_jail": allow_weak_jail, "language": chosen()}
    files["autograder.json"] = (json.dumps(settings) + "\n").encode()
    leaks = find_leaks(files, secrets_of(project, lab, hidden=False))
    if leaks:
        raise KitError(
            "the archive would hold parts of the solution of {name}: {leaks}",
            name=lab.name,
            leaks="; ".join(leaks[:10]),
        )
    return dict(sorted(files.items()))


def write_autograder(project: Project, lab: Lab, out: Path, *, allow_weak_jail: bool = False) -> WrittenKit:
    """Build the archive and write it to ``out``.

    Raises
    ------
    KitError : as for `autograder_files`.
    PackingError : ``out`` cannot be written.
    """
    files = autograder_files(project, lab, allow_weak_jail=allow_weak_jail)
    write_zip(files, out)
    return WrittenKit(out, len(files), sum(map(len, files.values())))
